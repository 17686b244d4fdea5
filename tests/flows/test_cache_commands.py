"""`cache ls` and `cache rm` as they are typed."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.cli import run
from flows.config import EvalConfig
from tasks.cache_removal import Removed, Unwanted, remove
from tasks.core.caching import generation_key
from tasks.core.model_settings import ModelSettings
from tasks.core.records import FinishReason, Generation, StepKey, Usage
from tasks.durable_files import keep
from tasks.environments import holding, prepare_environment
from tasks.generation_cache import GenerationCache

if TYPE_CHECKING:
    from tests.conftest import Endpoint

LONG_AGO = 1_700_049_600.0  # 2023-11-15 12:00 UTC, the 15th almost everywhere
CHECKPOINT = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
DIGEST = "ab" + "0" * 62


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder with 2 models, 2 problems and 3 repeats, that the environment names."""
    folder = tmp_path / "kept"
    monkeypatch.setenv("SCICODE_FLOWS_CACHE_DIR", str(folder))
    for model in ("a", "b"):
        settings = ModelSettings(model, CHECKPOINT, temperature=0.6, extra_body={"top_k": 20})
        for key in (StepKey(p, r, f"{p}.1") for p in ("1", "3") for r in range(3)):
            digest = generation_key("prompt", settings, key)
            generation = Generation("text", FinishReason.STOP, Usage(1, 2), 0.5)
            GenerationCache(folder / "generations").put(digest, key, settings, generation)
            path = folder / "generations" / digest[:2] / f"{digest}.json"
            if model == "a":
                os.utime(path, (LONG_AGO, LONG_AGO))
    return folder


def entries(folder: Path) -> int:
    return len(list((folder / "generations").glob("??/*.json")))


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert run(["cache", "ls", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("kept")
def test_ls_prints_one_line_for_each_model_and_set_of_settings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["cache", "ls"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(
        f'a, checkpoint {CHECKPOINT}, temperature 0.6, extra_body {{"top_k": 20}}: '
        "6 generations, 2 problems, 3 repeats, "
    )
    assert lines[0].endswith("written 2023-11-15 to 2023-11-15")
    assert lines[1].startswith("b, checkpoint")
    assert lines[2].startswith("generations: 12, ")
    assert lines[3].startswith("total: ")
    assert len(lines) == 4


def test_ls_as_json_has_the_same(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = listed(capsys)
    files = list(kept.rglob("*.json"))
    assert found["size_bytes"] == sum(file.stat().st_size for file in files)
    assert found["cache_dir"] == str(kept)
    groups = found["generations"]
    assert isinstance(groups, list)
    size_bytes = groups[0].pop("size_bytes")
    assert size_bytes == sum(f.stat().st_size for f in files if f.stat().st_mtime == LONG_AGO)
    assert groups[0] == {
        "model": "a",
        "checkpoint": CHECKPOINT,
        "settings": {"temperature": 0.6, "extra_body": {"top_k": 20}},
        "entries": 6,
        "problems": ["1", "3"],
        "repeats": [0, 1, 2],
        "first_written": "2023-11-15T12:00:00+00:00",
        "last_written": "2023-11-15T12:00:00+00:00",
    }


@pytest.mark.parametrize(
    ("arguments", "counts"),
    [
        (("--model", "a"), [6]),
        (("--checkpoint", CHECKPOINT), [6, 6]),
        (("--problems", "3,7"), [3, 3]),
        (("--model", "b", "--problems", "1"), [3]),
        (("--checkpoint", "sha256:9"), []),
    ],
    ids=str,
)
@pytest.mark.usefixtures("kept")
def test_ls_shows_the_generations_that_are_asked_for(
    arguments: tuple[str, ...], counts: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    groups = listed(capsys, *arguments)["generations"]
    assert isinstance(groups, list)
    assert [group["entries"] for group in groups] == counts


@pytest.mark.parametrize("made", [True, False])
def test_an_empty_or_absent_cache_is_said_to_be_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, made: bool
) -> None:
    folder = tmp_path / "nothing"
    if made:
        folder.mkdir()
    assert run(["cache", "ls", "--cache-dir", str(folder)]) == 0
    absent = "" if made else ": there is no such folder"
    assert capsys.readouterr().out == f"nothing is kept in {folder}{absent}\n"
    assert run(["cache", "rm", "--cache-dir", str(folder), "--all"]) == 0
    assert capsys.readouterr().out == f"nothing to remove in {folder}\n"
    assert folder.exists() == made


def test_damaged_and_foreign_entries_are_counted(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(kept / "generations" / "ab" / f"{DIGEST}.json", "{", "a generation")
    (kept / "generations" / "notes").touch()
    assert run(["cache", "ls"]) == 0
    out = capsys.readouterr().out
    assert "1 unreadable (damaged, or of another version); 1 not ours\n" in out


def test_environments_have_a_line_each(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    lock = tmp_path / "tiny.lock"
    lock.write_text(f"# python: {sys.version_info.major}.{sys.version_info.minor}\n")
    environment = prepare_environment(str(lock), kept, lambda _: None)
    python = Path(environment.python)
    assert run(["cache", "ls"]) == 0
    assert f"environment {python.parents[1].name}: " in capsys.readouterr().out
    with holding(environment):
        assert run(["cache", "rm", "--environments"]) == 1
        left = f"left alone, of environments: {python.parents[1].name}: in use\n"
        assert capsys.readouterr().out == f"{left}nothing was removed from {kept}\n"
    assert run(["cache", "rm", "--environments"]) == 0
    assert "removed environments: 1, " in capsys.readouterr().out
    assert not python.exists()
    assert entries(kept) == 12


def test_on_a_terminal_of_80_columns_every_line_fits(kept: Path) -> None:
    above, below = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "TERM": "dumb", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "flows", "cache", "ls", "--cache-dir", str(kept)]
    subprocess.run(command, stdout=below, stderr=subprocess.DEVNULL, env=environment, check=True)
    os.close(below)
    shown = b""
    while chunk := read_terminal(above):
        shown += chunk
    os.close(above)
    lines = shown.decode().splitlines()
    table = lines[: next(n for n, line in enumerate(lines) if line.startswith("generations: "))]
    assert max(map(len, table)) <= 80
    rows = [line.split() for line in table]
    assert ["generations", "of", "entries", "problems", "repeats", "size", "written"] in rows
    (first,) = (row for row in rows if row[:1] == ["a"])
    assert first[1:4] == ["6", "2", "3"]
    assert first[-1] == "2023-11-15"
    assert CHECKPOINT in "".join(line.split(" ")[1] for line in table if len(line) > 1)


def read_terminal(above: int) -> bytes:
    try:
        return os.read(above, 65536)
    except OSError:
        # What Linux says when nobody writes any more.
        return b""


@pytest.mark.parametrize("arguments", [(), ("--dry-run",)], ids=str)
def test_rm_without_saying_what_is_bad_usage(
    arguments: tuple[str, ...],
    kept: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Settings of evaluations never choose what is removed.
    monkeypatch.setenv("SCICODE_FLOWS_MODEL", "a")
    monkeypatch.setenv("SCICODE_FLOWS_PROBLEMS", "1")
    assert run(["cache", "rm", *arguments]) == 2
    assert "expected what to remove, found nothing: give --model" in capsys.readouterr().err
    assert entries(kept) == 12


def test_rm_all_with_a_choice_is_bad_usage(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cache", "rm", "--all", "--model", "a"]) == 2
    assert "found both" in capsys.readouterr().err
    assert entries(kept) == 12


@pytest.mark.parametrize(
    "arguments",
    [
        ("--repeats-from", "-1"),
        ("--repeats-from", "x"),
        ("--older-than", "nan"),
        ("--older-than", "-1"),
        ("--problems", ","),
    ],
    ids=str,
)
def test_values_that_cannot_be_meant_are_bad_usage(arguments: tuple[str, ...], kept: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(["cache", "rm", *arguments])
    assert entries(kept) == 12


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (("--model", "a"), 6),
        (("--checkpoint", CHECKPOINT), 0),
        (("--problems", "1,2"), 6),
        (("--repeats-from", "2"), 8),
        (("--repeats-from", "0"), 0),
        (("--older-than", "30"), 6),
        (("--older-than", "0"), 0),
        (("--model", "a", "--problems", "3", "--repeats-from", "1"), 10),
        (("--verdicts",), 12),
        (("--unreadable",), 12),
        (("--all",), 0),
    ],
    ids=str,
)
def test_rm_removes_what_it_is_told_and_dry_run_says_the_same(
    arguments: tuple[str, ...], left: int, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["cache", "rm", *arguments, "--dry-run"]) == 0
    foretold = capsys.readouterr().out
    assert entries(kept) == 12
    assert run(["cache", "rm", *arguments]) == 0
    out = capsys.readouterr().out
    assert entries(kept) == left
    assert out == foretold.replace("would remove", "removed")
    said = f"removed generations: {12 - left}, " if left < 12 else "nothing to remove in "
    assert out.startswith(said)


def test_the_cache_folder_of_a_configuration_file_is_used(
    kept: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("SCICODE_FLOWS_CACHE_DIR")
    file = tmp_path / "settings.yaml"
    file.write_text(f"cache_dir: {kept}\nmodel: b\nrepeats: 3\n")
    assert listed(capsys, "--config", str(file))["cache_dir"] == str(kept)
    assert run(["cache", "rm", "--config", str(file)]) == 2
    assert entries(kept) == 12


def test_an_evaluation_goes_on_while_everything_is_removed(
    small_config: Callable[..., EvalConfig],
    evaluate: Callable[[EvalConfig], dict[str, Any]],
    endpoint: Endpoint,
) -> None:
    config = small_config(concurrency=1)
    removed: list[Removed] = []

    def remove_at_the_third(_: str) -> bool:
        if len(endpoint.prompts) == 3 and not removed:
            removed.extend(remove(config.cache_dir, Unwanted(everything=True), dry_run=False))
        return True

    endpoint.gate = remove_at_the_third
    score = evaluate(config)["metrics"]["subtask_accuracy"]["value"]
    # While the third answer is waited for, the first two are there; the last one is the fourth.
    assert (removed[0].what, removed[0].number) == ("generations", 2)
    assert (score, len(endpoint.prompts)) == (1.0, 4)
    # What was answered afterwards is kept.
    assert entries(config.cache_dir) == 2
