"""Only what we wrote is found, and nothing outside of the cache folder."""

import os
from pathlib import Path

from tasks.durable_files import keep, replacing
from tasks.kept_files import Kind, Store, kept_files

DIGEST = "ab" + "0" * 62
OTHER = "cd" + "1" * 62


def put(root: Path, digest: str = DIGEST, content: str = "{}") -> Path:
    path = root / "generations" / digest[:2] / f"{digest}.json"
    keep(path, content, "a generation")
    return path


def kinds(root: Path, store: Store = Store.GENERATIONS) -> dict[str, Kind]:
    return {file.name: file.kind for file in kept_files(root, store)}


def open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def test_entries_are_found_with_size_time_and_content(tmp_path: Path) -> None:
    os.utime(put(tmp_path, content="{12}"), (1000.0, 1000.0))
    (file,) = list(kept_files(tmp_path, Store.GENERATIONS))
    assert (file.kind, file.digest, file.size_bytes) == (Kind.ENTRY, DIGEST, 4)
    assert file.written == 1000.0
    assert [file.read() for file in kept_files(tmp_path, Store.GENERATIONS)] == ["{12}"]


def test_an_absent_folder_holds_nothing(tmp_path: Path) -> None:
    assert kinds(tmp_path / "absent") == {}
    assert kinds(tmp_path) == {}


def test_a_writers_file_is_unfinished(tmp_path: Path) -> None:
    name = f".{DIGEST}.json-a1b2_3c4"
    put(tmp_path).with_name(name).touch()
    assert kinds(tmp_path) == {f"{DIGEST}.json": Kind.ENTRY, name: Kind.UNFINISHED}


def test_the_name_of_a_writers_file_is_the_one_that_writers_use(tmp_path: Path) -> None:
    path = put(tmp_path)
    with replacing(path) as file:
        file.write(b"{}")
        assert sorted(kinds(tmp_path).values()) == [Kind.ENTRY, Kind.UNFINISHED]


def test_other_names_are_foreign(tmp_path: Path) -> None:
    shard = put(tmp_path).parent
    (shard / "notes.txt").touch()
    (shard / f"{OTHER}.json").touch()  # another folder's: a run would not look here
    (shard / f"{DIGEST[:-1]}f.json").mkdir()
    (shard.parent / "letters").mkdir()
    (shard.parent / "readme").touch()
    found = kinds(tmp_path)
    assert found.pop(f"{DIGEST}.json") is Kind.ENTRY
    assert set(found.values()) == {Kind.FOREIGN}
    assert len(found) == 5


def test_links_are_never_followed(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside")
    cache = tmp_path / "cache"
    shard = put(cache, OTHER).parent
    (shard / f"{OTHER[:-1]}f.json").symlink_to(outside)
    (shard.parent / DIGEST[:2]).symlink_to(outside.parent)
    assert kinds(cache) == {
        f"{OTHER}.json": Kind.ENTRY,
        f"{OTHER[:-1]}f.json": Kind.FOREIGN,
        DIGEST[:2]: Kind.FOREIGN,
    }
    (cache / "verdicts").symlink_to(outside.parents[1])
    assert kinds(cache, Store.VERDICTS) == {"verdicts": Kind.FOREIGN}


def test_a_cache_folder_may_itself_be_a_link(tmp_path: Path) -> None:
    put(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert kinds(tmp_path / "link") == {f"{DIGEST}.json": Kind.ENTRY}


def test_an_entry_is_removed_and_its_folder_stays(tmp_path: Path) -> None:
    path = put(tmp_path)
    assert [file.remove() for file in kept_files(tmp_path, Store.GENERATIONS)] == [True]
    assert list(path.parent.iterdir()) == []


def test_an_entry_that_was_replaced_meanwhile_stays(tmp_path: Path) -> None:
    path = put(tmp_path)
    for file in kept_files(tmp_path, Store.GENERATIONS):
        put(tmp_path, content='{"newer": 1}')
        assert not file.remove()
    assert path.read_text() == '{"newer": 1}'


def test_an_entry_that_has_gone_is_nobodys_trouble(tmp_path: Path) -> None:
    path = put(tmp_path)
    for file in kept_files(tmp_path, Store.GENERATIONS):
        path.unlink()
        assert not file.remove()


def test_costs_and_digests_of_targets_are_found_and_lock_files_passed_over(tmp_path: Path) -> None:
    keep(tmp_path / "costs" / "0123456789ab" / f"{DIGEST}.json", "{}", "costs")
    (tmp_path / "costs" / "0123456789ab" / f"{DIGEST}.lock").touch()
    keep(tmp_path / "targets" / f"{DIGEST}.json", "{}", "digests")
    assert kinds(tmp_path, Store.COSTS) == {f"{DIGEST}.json": Kind.ENTRY}
    assert kinds(tmp_path, Store.TARGET_DIGESTS) == {f"{DIGEST}.json": Kind.ENTRY}


def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = put(tmp_path)
    path.unlink()
    os.mkfifo(path)
    assert kinds(tmp_path) == {f"{DIGEST}.json": Kind.FOREIGN}


def test_no_folder_stays_open(tmp_path: Path) -> None:
    put(tmp_path)
    put(tmp_path, OTHER)
    before = open_files()
    walk = kept_files(tmp_path, Store.GENERATIONS)
    next(walk)
    walk.close()
    assert open_files() == before
