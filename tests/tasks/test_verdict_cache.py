"""Kept verdicts come back whole, or not at all, and only where their confinement is enough."""

import json
import logging
import multiprocessing
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.core.errors import ConfigError
from tasks.core.records import Reason, Verdict
from tasks.sandbox.layers import Layer, Level
from tasks.verdict_cache import VerdictCache

DIGEST = "ab" * 32
STRONG = ("session", Layer.LANDLOCK.value, Layer.SECCOMP.value)
VERDICT = Verdict(Reason.WRONG_ANSWER, "case 1: \ud800 and é\n", 1.25, STRONG)


def entry(root: Path) -> Path:
    return root / "ab" / f"{DIGEST}.json"


def filled(root: Path, verdict: Verdict = VERDICT) -> VerdictCache:
    cache = VerdictCache(root)
    cache.put(DIGEST, "13.6", verdict)
    return cache


def test_a_verdict_comes_back_equal_and_says_that_it_was_kept(tmp_path: Path) -> None:
    filled(tmp_path)
    found = VerdictCache(tmp_path).get(DIGEST, Level.STRONG)
    assert found == replace(VERDICT, cached=True)


def test_an_absent_entry_is_a_silent_miss(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert VerdictCache(tmp_path / "absent").get(DIGEST, Level.NONE) is None
    assert not caplog.records


def test_an_entry_tells_a_person_what_it_is_of(tmp_path: Path) -> None:
    filled(tmp_path)
    found = json.loads(entry(tmp_path).read_text())
    assert (found["step_id"], found["reason"], found["duration_s"]) == (
        "13.6",
        "wrong_answer",
        1.25,
    )
    assert stat.S_IMODE(entry(tmp_path).stat().st_mode) == 0o600
    assert list(entry(tmp_path).parent.iterdir()) == [entry(tmp_path)]


@pytest.mark.parametrize(
    ("layers", "reached"),
    [
        (tuple(layer.value for layer in Layer), list(Level)),
        (STRONG, [Level.STRONG, Level.ANY, Level.NONE]),
        (("seccomp",), [Level.ANY, Level.NONE]),
        (("session",), [Level.NONE]),
    ],
    ids=["full", "strong", "any", "none"],
)
def test_a_verdict_got_with_less_confinement_is_passed_over(
    layers: tuple[str, ...], reached: list[Level], tmp_path: Path
) -> None:
    cache = filled(tmp_path, replace(VERDICT, layers=layers))
    assert [level for level in Level if cache.get(DIGEST, level)] == reached


def test_a_verdict_got_with_more_confinement_takes_its_place(tmp_path: Path) -> None:
    filled(tmp_path, replace(VERDICT, reason=Reason.PASSED, layers=("session",)))
    cache = filled(tmp_path)
    assert cache.get(DIGEST, Level.NONE) == replace(VERDICT, cached=True)


@pytest.mark.parametrize(
    "verdict",
    [
        replace(VERDICT, reason=Reason.KILLED),
        Verdict(Reason.UNSCORED, "no targets"),
        Verdict(Reason.NO_CODE, "the generation holds no code"),
        replace(VERDICT, cached=True),
        replace(VERDICT, tries=(Reason.PASSED, Reason.PASSED)),
    ],
    ids=str,
)
def test_what_does_not_last_is_not_kept(verdict: Verdict, tmp_path: Path) -> None:
    filled(tmp_path, verdict)
    assert list(tmp_path.iterdir()) == []


def test_whose_failure_it_was_is_decided_anew(tmp_path: Path) -> None:
    cache = filled(tmp_path, replace(VERDICT, inherited_from="13.5"))
    assert cache.get(DIGEST, Level.STRONG) == replace(VERDICT, cached=True)


def damaged_texts() -> dict[str, str]:
    whole = {
        "entry_version": 1,
        "digest": DIGEST,
        "step_id": "13.6",
        "reason": "passed",
        "detail": "",
        "duration_s": 1.0,
        "layers": list(STRONG),
    }
    return {
        "empty": "",
        "truncated": json.dumps(whole)[:-20],
        "not an object": "[1]",
        "of another key": json.dumps({**whole, "digest": "0" * 64}),
        "of another version": json.dumps({**whole, "entry_version": 2}),
        "without a reason": json.dumps({k: v for k, v in whole.items() if k != "reason"}),
        "with an unknown reason": json.dumps({**whole, "reason": "fine"}),
        "with a reason that is never kept": json.dumps({**whole, "reason": "killed"}),
        "with layers that are none": json.dumps({**whole, "layers": "landlock seccomp"}),
        "with a duration that is none": json.dumps({**whole, "duration_s": "1"}),
        "with an endless duration": json.dumps({**whole, "duration_s": float("inf")}),
        "nested without end": "[" * 100_000,
    }


@pytest.mark.parametrize("text", damaged_texts().values(), ids=damaged_texts().keys())
def test_a_damaged_entry_is_a_miss_and_one_warning_names_it(
    text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = filled(tmp_path)
    entry(tmp_path).write_text(text)
    assert cache.get(DIGEST, Level.NONE) is None
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert str(entry(tmp_path)) in caplog.text
    assert filled(tmp_path).get(DIGEST, Level.NONE) == replace(VERDICT, cached=True)


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot keep a verdict in .*file"):
        filled(tmp_path / "file")


def write_many(root: Path, detail: str) -> None:
    for _ in range(100):
        filled(root, replace(VERDICT, detail=detail))


def test_readers_see_whole_entries_while_processes_write(tmp_path: Path) -> None:
    details = ["a" * 2000, "b"]
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=write_many, args=(tmp_path, text)) for text in details]
    cache = filled(tmp_path)
    for writer in writers:
        writer.start()
    seen: set[str] = set()
    while any(writer.is_alive() for writer in writers):
        verdict = cache.get(DIGEST, Level.STRONG)
        assert verdict is not None
        seen.add(verdict.detail)
    for writer in writers:
        writer.join()
    assert seen <= {VERDICT.detail, *details}
    assert len(seen) > 1
    assert list(entry(tmp_path).parent.iterdir()) == [entry(tmp_path)]
