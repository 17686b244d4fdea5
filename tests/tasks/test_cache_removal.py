"""Exactly what was asked for is removed, and nothing that is not ours."""

import multiprocessing
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.cache_contents import Selection
from tasks.cache_removal import Removed, Unwanted, remove
from tasks.core.caching import generation_key
from tasks.core.model_settings import ModelSettings
from tasks.core.records import FinishReason, Generation, Reason, StepKey, Usage, Verdict
from tasks.durable_files import keep
from tasks.generation_cache import GenerationCache
from tasks.verdict_cache import VerdictCache

SETTINGS = ModelSettings("m", "sha256:1")
GENERATION = Generation("text", FinishReason.STOP, Usage(1, 2), 0.5)
DIGEST = "ab" + "0" * 62
PASSED = Verdict(Reason.PASSED, layers=("landlock", "seccomp"))


def put(root: Path, settings: ModelSettings, problem_id: str, repeat: int) -> Path:
    key = StepKey(problem_id, repeat, f"{problem_id}.1")
    digest = generation_key("prompt", settings, key)
    GenerationCache(root / "generations").put(digest, key, settings, GENERATION)
    return root / "generations" / digest[:2] / f"{digest}.json"


def files(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if path.is_file()}


def filled(root: Path) -> dict[str, Path]:
    """Fill a cache folder with one of everything, and with files that are not ours."""
    VerdictCache(root / "verdicts").put(DIGEST, "1.1", PASSED)
    VerdictCache(root / "verdicts-unconfined").put(DIGEST, "1.1", PASSED)
    keep(root / "costs" / "0123456789ab" / f"{DIGEST}.json", "{}", "costs")
    keep(root / "targets" / f"{DIGEST}.json", "{}", "digests")
    paths = {
        "generation": put(root, SETTINGS, "1", 0),
        "damaged": put(root, SETTINGS, "2", 0),
        "verdict": root / "verdicts" / "ab" / f"{DIGEST}.json",
        "unconfined": root / "verdicts-unconfined" / "ab" / f"{DIGEST}.json",
        "costs": root / "costs" / "0123456789ab" / f"{DIGEST}.json",
        "digests": root / "targets" / f"{DIGEST}.json",
        "left": root / "generations" / "ab" / f".{DIGEST}.json-a1b2_3c4",
        "being written": root / "generations" / "ab" / f".{DIGEST}.json-b1b2_3c4",
        "foreign": root / "generations" / "ab" / "notes.json",
        "theirs": root / "environments" / "mine-0123456789ab" / "file",
        "another": root / "thesis.tex",
    }
    paths["damaged"].write_text("{")
    for name in ("left", "being written", "foreign", "theirs", "another"):
        paths[name].parent.mkdir(exist_ok=True, parents=True)
        paths[name].touch()
    long_ago = time.time() - 3700
    os.utime(paths["left"], (long_ago, long_ago))
    return paths


REMOVALS: dict[str, tuple[Unwanted, set[str]]] = {
    "generations": (Unwanted(generations=Selection()), {"generation"}),
    "generations of another model": (Unwanted(generations=Selection(model="n")), set()),
    "unreadable": (Unwanted(unreadable=True), {"damaged", "left"}),
    "generations and unreadable": (
        Unwanted(generations=Selection(), unreadable=True),
        {"generation", "damaged", "left"},
    ),
    "verdicts": (Unwanted(verdicts=True), {"verdict", "unconfined"}),
    "environments": (Unwanted(environments=True), set()),
    "everything": (
        Unwanted(everything=True),
        {"generation", "damaged", "left", "verdict", "unconfined", "costs", "digests"},
    ),
}


@pytest.mark.parametrize(("unwanted", "gone"), REMOVALS.values(), ids=REMOVALS.keys())
def test_exactly_what_is_unwanted_goes(unwanted: Unwanted, gone: set[str], tmp_path: Path) -> None:
    paths = filled(tmp_path)
    counted = remove(tmp_path, unwanted, dry_run=True)
    assert files(tmp_path) == set(paths.values())
    sizes = [paths[name].stat().st_size for name in gone]
    assert remove(tmp_path, unwanted, dry_run=False) == counted
    assert {name for name, path in paths.items() if not path.exists()} == gone
    assert sum(one.number for one in counted) == len(gone)
    assert sum(one.size_bytes for one in counted) == sum(sizes)


def test_generations_go_by_every_part_of_the_selection(tmp_path: Path) -> None:
    keys = [(problem, repeat) for problem in "12" for repeat in range(3)]
    paths = {key: put(tmp_path, SETTINGS, *key) for key in keys}
    other = put(tmp_path, replace(SETTINGS, model="n"), "1", 2)
    selection = Selection(model="m", checkpoint="sha256:1", problems=("1",), repeats_from=1)
    (removed,) = remove(tmp_path, Unwanted(generations=selection), dry_run=False)
    assert (removed.what, removed.number) == ("generations", 2)
    assert {key for key, path in paths.items() if not path.exists()} == {("1", 1), ("1", 2)}
    assert other.exists()


def test_nothing_is_reported_of_an_empty_or_absent_folder(tmp_path: Path) -> None:
    assert remove(tmp_path / "absent", Unwanted(everything=True), dry_run=False) == ()
    assert remove(tmp_path, Unwanted(everything=True), dry_run=False) == ()


def test_nothing_behind_a_link_is_removed(tmp_path: Path) -> None:
    outside = filled(tmp_path / "outside")
    cache = tmp_path / "cache"
    cache.mkdir()
    for name in ("generations", "verdicts", "costs", "targets", "environments"):
        (cache / name).symlink_to(tmp_path / "outside" / name)
    assert remove(cache, Unwanted(everything=True), dry_run=False) == ()
    assert files(tmp_path / "outside") == set(outside.values())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may remove everything")
def test_what_may_not_be_removed_is_named(tmp_path: Path) -> None:
    path = put(tmp_path, SETTINGS, "1", 0)
    path.parent.chmod(0o500)
    try:
        removed = remove(tmp_path, Unwanted(generations=Selection()), dry_run=False)
    finally:
        path.parent.chmod(0o700)
    assert removed == (Removed("generations", 0, 0, (f"{path.name}: Permission denied",)),)


def write_and_read(root: Path, problem_id: str) -> None:
    """Write and read one entry over and over; an entry is whole or missing."""
    key = StepKey(problem_id, 0, f"{problem_id}.1")
    digest = generation_key("prompt", SETTINGS, key)
    cache = GenerationCache(root / "generations")
    for _ in range(100):
        cache.put(digest, key, SETTINGS, GENERATION)
        assert cache.get(digest) in (GENERATION, None)


def test_writers_and_readers_go_on_while_entries_are_removed(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=write_and_read, args=(tmp_path, str(n))) for n in range(2)]
    for writer in writers:
        writer.start()
    removed = 0
    while any(writer.is_alive() for writer in writers):
        sums = remove(tmp_path, Unwanted(everything=True), dry_run=False)
        assert [one.left for one in sums] in ([], [()])
        removed += sum(one.number for one in sums)
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert removed > 0
