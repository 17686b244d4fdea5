"""What is kept is counted by what was asked, and damage is counted, never fatal."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.cache_contents import Contents, Selection, StoreSums, list_contents
from tasks.core.caching import generation_key
from tasks.core.model_settings import ModelSettings
from tasks.core.records import FinishReason, Generation, Reason, StepKey, Usage, Verdict
from tasks.durable_files import keep
from tasks.generation_cache import GenerationCache
from tasks.kept_files import Store
from tasks.verdict_cache import VerdictCache

SETTINGS = ModelSettings("m", "sha256:1", temperature=0.5)
DIGEST = "ab" + "0" * 62
PASSED = Verdict(Reason.PASSED, layers=("landlock", "seccomp"))


def put(root: Path, settings: ModelSettings, problem_id: str, repeat: int) -> Path:
    key = StepKey(problem_id, repeat, f"{problem_id}.1")
    digest = generation_key("prompt", settings, key)
    generation = Generation("text", FinishReason.STOP, Usage(1, 2), 0.5)
    GenerationCache(root / "generations").put(digest, key, settings, generation)
    return root / "generations" / digest[:2] / f"{digest}.json"


def listed(root: Path, **chosen: object) -> Contents:
    return list_contents(root, replace(Selection(), **chosen))


def test_generations_are_grouped_by_model_checkpoint_and_settings(tmp_path: Path) -> None:
    paths = [put(tmp_path, SETTINGS, problem, repeat) for problem in "21" for repeat in (0, 1)]
    put(tmp_path, replace(SETTINGS, model="n"), "1", 0)
    put(tmp_path, replace(SETTINGS, checkpoint="sha256:2"), "1", 0)
    put(tmp_path, replace(SETTINGS, temperature=0.6), "1", 0)
    os.utime(paths[0], (1000.0, 1000.0))
    os.utime(paths[1], (4e9, 4e9))
    groups = listed(tmp_path).groups
    assert [(g.model, g.checkpoint, dict(g.settings), g.entries) for g in groups] == [
        ("m", "sha256:1", {"temperature": 0.5}, 4),
        ("m", "sha256:1", {"temperature": 0.6}, 1),
        ("m", "sha256:2", {"temperature": 0.5}, 1),
        ("n", "sha256:1", {"temperature": 0.5}, 1),
    ]
    first = groups[0]
    assert (first.problems, first.repeats) == (("1", "2"), (0, 1))
    assert first.size_bytes == sum(path.stat().st_size for path in paths)
    assert (first.first_written, first.last_written) == (1000.0, 4e9)


def test_repeats_of_one_seed_are_one_group(tmp_path: Path) -> None:
    # A run with seed 7 asks repeat 0 with 7 and repeat 2 with 9.
    put(tmp_path, replace(SETTINGS, seed=7), "1", 0)
    put(tmp_path, replace(SETTINGS, seed=9), "1", 2)
    (group,) = listed(tmp_path).groups
    assert (group.settings["seed"], group.repeats) == (7, (0, 2))


@pytest.mark.parametrize(
    ("chosen", "entries"),
    [
        ({}, 6),
        ({"model": "m"}, 4),
        ({"checkpoint": "sha256:2"}, 2),
        ({"problems": ("1", "9")}, 3),
        ({"repeats_from": 1}, 2),
        ({"model": "m", "problems": ("2",), "repeats_from": 1}, 1),
        ({"written_before": 2000.0}, 1),
        ({"model": "another"}, 0),
    ],
)
def test_a_selection_holds_in_all_its_parts(
    chosen: dict[str, object], entries: int, tmp_path: Path
) -> None:
    oldest, *_ = [put(tmp_path, SETTINGS, problem, r) for problem in "12" for r in (0, 1)]
    for problem in "12":
        put(tmp_path, replace(SETTINGS, model="n", checkpoint="sha256:2"), problem, 0)
    os.utime(oldest, (1000.0, 1000.0))
    found = listed(tmp_path, **chosen)
    assert sum(group.entries for group in found.groups) == entries
    assert found.stores[Store.GENERATIONS].entries == entries


def damaged() -> dict[str, str]:
    return {
        "empty": "",
        "truncated": '{"cache_version": 1',
        "of another shape": "[1]",
        "of another version": '{"cache_version": 0}',
        "nested without end": "[" * 100_000,
    }


@pytest.mark.parametrize("content", damaged().values(), ids=damaged().keys())
def test_a_damaged_generation_is_counted_and_not_fatal(content: str, tmp_path: Path) -> None:
    whole = put(tmp_path, SETTINGS, "1", 0)
    put(tmp_path, SETTINGS, "2", 0).write_text(content)
    found = listed(tmp_path)
    size_bytes = whole.stat().st_size + len(content)
    assert found.stores[Store.GENERATIONS] == StoreSums(2, size_bytes, unreadable=1)
    assert [group.entries for group in found.groups] == [1]


def test_bytes_that_are_no_text_are_unreadable(tmp_path: Path) -> None:
    put(tmp_path, SETTINGS, "1", 0).write_bytes(b"\xff\xfe")
    assert listed(tmp_path).stores[Store.GENERATIONS].unreadable == 1


def test_an_entry_under_another_digest_is_unreadable(tmp_path: Path) -> None:
    path = put(tmp_path, SETTINGS, "1", 0)
    path.rename(path.with_name(f"{path.stem[:-1]}{'0' if path.stem[-1] != '0' else '1'}.json"))
    assert listed(tmp_path).stores[Store.GENERATIONS].unreadable == 1


def test_verdicts_costs_and_digests_are_counted(tmp_path: Path) -> None:
    VerdictCache(tmp_path / "verdicts").put(DIGEST, "1.1", PASSED)
    keep(tmp_path / "verdicts" / "cd" / f"cd{DIGEST[2:]}.json", "{", "a verdict")
    VerdictCache(tmp_path / "verdicts-unconfined").put(DIGEST, "1.1", PASSED)
    keep(tmp_path / "costs" / "0123456789ab" / f"{DIGEST}.json", "{}", "costs")
    keep(tmp_path / "targets" / f"{DIGEST}.json", "{}", "digests")
    found = listed(tmp_path)
    counts = {store: (sums.entries, sums.unreadable) for store, sums in found.stores.items()}
    assert counts == {
        Store.GENERATIONS: (0, 0),
        Store.VERDICTS: (2, 1),
        Store.UNCONFINED_VERDICTS: (1, 0),
        Store.COSTS: (1, 0),
        Store.TARGET_DIGESTS: (1, 0),
    }
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert found.size_bytes == sum(path.stat().st_size for path in files)


def test_what_is_not_ours_is_counted_without_its_size(tmp_path: Path) -> None:
    shard = put(tmp_path, SETTINGS, "1", 0).parent
    (shard / "notes.txt").write_text("x" * 1000)
    (shard / f".{shard.name}{DIGEST[2:]}.json-a1b2_3c4").write_text("y" * 7)
    sums = listed(tmp_path).stores[Store.GENERATIONS]
    assert (sums.entries, sums.unfinished, sums.foreign) == (1, 1, 1)
    entry = next(path for path in shard.glob("*.json") if not path.name.startswith("."))
    assert sums.size_bytes == entry.stat().st_size + 7


def test_an_absent_folder_is_empty(tmp_path: Path) -> None:
    found = listed(tmp_path / "absent")
    assert (found.groups, found.environments, found.size_bytes) == ((), (), 0)
