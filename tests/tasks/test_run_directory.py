"""The files of a run survive interruption, and a run directory has one owner."""

import json
import multiprocessing
import os
import stat
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from tasks.core.errors import ConfigError
from tasks.core.records import StepKey
from tasks.run_directory import LineLog, RunDirectory, check_output, check_writable

IDENTITY = {"model": "m", "repeats": 2, "limits": {"cpu_s": 10.0}}


def key(step_id: str, repeat: int = 0) -> StepKey:
    return StepKey(step_id.partition(".")[0], repeat, step_id)


def read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_is_on_disk_as_soon_as_it_is_appended(tmp_path: Path) -> None:
    log = LineLog(tmp_path / "log.jsonl")
    log.append(key("1.1"), {"value": 1})
    assert read(tmp_path / "log.jsonl") == [
        {"problem_id": "1", "repeat": 0, "step_id": "1.1", "value": 1}
    ]
    log.close()


def test_finished_lines_are_in_natural_order(tmp_path: Path) -> None:
    log = LineLog(tmp_path / "log.jsonl")
    for step_id, repeat in [("10.1", 0), ("2.10", 1), ("2.10", 0), ("2.2", 1), ("2.2", 0)]:
        log.append(key(step_id, repeat), {})
    log.finish()
    found = [(line["step_id"], line["repeat"]) for line in read(tmp_path / "log.jsonl")]
    # Problem 2 before 10, repeat 0 before 1, sub-step 2.2 before 2.10.
    assert found == [("2.2", 0), ("2.10", 0), ("2.2", 1), ("2.10", 1), ("10.1", 0)]


def test_the_newest_line_of_a_key_is_kept(tmp_path: Path) -> None:
    log = LineLog(tmp_path / "log.jsonl")
    for value in (1, 2):
        log.append(key("1.1"), {"value": value})
    log.finish()
    assert [line["value"] for line in read(tmp_path / "log.jsonl")] == [2]


def test_lines_of_an_interrupted_run_are_taken_up(tmp_path: Path) -> None:
    first = LineLog(tmp_path / "log.jsonl")
    first.append(key("1.2"), {"value": "é\u2028"})
    first.close()
    second = LineLog(tmp_path / "log.jsonl")
    second.append(key("1.1"), {"value": "new"})
    second.finish()
    assert [line["value"] for line in read(tmp_path / "log.jsonl")] == ["new", "é\u2028"]


@pytest.mark.parametrize(
    "torn", ['{"problem_id": "1", "rep', "\n", "[1]\n", '{"problem_id": 1}\n', "\0\0\0"]
)
def test_a_torn_last_line_is_dropped(torn: str, tmp_path: Path) -> None:
    first = LineLog(tmp_path / "log.jsonl")
    first.append(key("1.1"), {"value": 1})
    first.close()
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write(torn)
    second = LineLog(tmp_path / "log.jsonl")
    second.append(key("1.2"), {"value": 2})
    second.finish()
    assert [line["value"] for line in read(tmp_path / "log.jsonl")] == [1, 2]


def test_a_new_directory_is_made_with_its_parents(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "a" / "b", IDENTITY) as directory:
        directory.write_json("metrics.json", {"x": 1})
        directory.write_lines("rollouts.jsonl", [{"y": 1}, {"y": 2}])
    assert json.loads((tmp_path / "a" / "b" / "metrics.json").read_text()) == {"x": 1}
    assert read(tmp_path / "a" / "b" / "rollouts.jsonl") == [{"y": 1}, {"y": 2}]


def test_files_can_be_read_by_others(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "run", IDENTITY) as directory:
        directory.write_run({})
    mode = stat.S_IMODE((tmp_path / "run" / "run.json").stat().st_mode)
    assert mode == 0o644


def test_the_same_configuration_may_go_on(tmp_path: Path) -> None:
    for status in ("running", "complete"):
        with RunDirectory(tmp_path / "run", IDENTITY) as directory:
            directory.write_run({"status": status})
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert run == {"identity": IDENTITY, "status": "complete"}


def test_another_configuration_is_refused_by_the_name_of_the_setting(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "run", IDENTITY) as directory:
        directory.write_run({})
    with pytest.raises(
        ConfigError, match=r"run of another configuration: its repeats is 2, this one's is 1"
    ):
        check_output(tmp_path / "run", {**IDENTITY, "repeats": 1})


def test_further_repeats_go_on_in_the_directory(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "run", IDENTITY) as directory:
        directory.write_run({})
    check_output(tmp_path / "run", {**IDENTITY, "repeats": 3})


def test_a_run_of_another_kind_is_refused(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "run", IDENTITY) as directory:
        directory.write_run({})
    with pytest.raises(ConfigError, match=r"its programs_sha256 is null"):
        check_output(tmp_path / "run", {**IDENTITY, "programs_sha256": "0"})


@pytest.mark.parametrize("content", ["", "{", "[]", '{"identity": 3}', "{}"])
def test_a_damaged_run_file_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(ConfigError, match="belongs to a run of another configuration"):
        check_output(tmp_path, IDENTITY)


def test_a_directory_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ConfigError, match=r"absent, empty or a run directory, found other files"):
        check_output(tmp_path, IDENTITY)


def test_an_empty_directory_is_taken(tmp_path: Path) -> None:
    check_output(tmp_path, IDENTITY)


def test_a_run_that_was_killed_while_it_started_is_taken_up(tmp_path: Path) -> None:
    """It leaves the lock and an unfinished run.json, and no run.json."""
    (tmp_path / ".lock").touch()
    (tmp_path / ".run.json-abc").touch()
    check_output(tmp_path, IDENTITY)


def test_what_a_killed_run_left_unfinished_is_removed_and_nothing_else(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "run", IDENTITY) as directory:
        directory.write_run({})
    ours = (".run.json-a1b2c3d4", ".generations.jsonl-____abcd", ".report.html-00000000")
    others = (".notes-a1b2c3d4", ".run.json-old", "metrics.json")
    for name in (*ours, *others):
        (tmp_path / "run" / name).touch()
    with RunDirectory(tmp_path / "run", IDENTITY):
        left = {path.name for path in (tmp_path / "run").iterdir()}
    assert left == {".lock", "run.json", *others}


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match=r"file is no folder; give another folder"):
            check_output(path, IDENTITY)


def test_a_directory_that_cannot_be_made_is_refused() -> None:
    """The kernel lets nobody make a folder there, the superuser included."""
    with pytest.raises(ConfigError, match="a folder that can be made and written"):
        RunDirectory(Path("/proc/scicode-flows-run"), IDENTITY).__enter__()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="cannot be written"):
        check_writable(tmp_path / "run")
    tmp_path.chmod(0o700)


def test_checking_makes_nothing(tmp_path: Path) -> None:
    check_output(tmp_path / "a" / "b", IDENTITY)
    assert list(tmp_path.iterdir()) == []


def test_a_relative_path_is_looked_up_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    check_writable(Path("run"))
    Path("file").touch()
    with pytest.raises(ConfigError):
        check_writable(Path("file"))


def hold(path: Path, held: Event, done: Event) -> None:
    with RunDirectory(path, IDENTITY):
        held.set()
        done.wait(60)


def test_two_processes_never_write_to_one_directory(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    held, done = spawn.Event(), spawn.Event()
    other = spawn.Process(target=hold, args=(tmp_path / "run", held, done))
    other.start()
    try:
        assert held.wait(60)
        with pytest.raises(ConfigError, match="another process is writing to"):
            RunDirectory(tmp_path / "run", IDENTITY).__enter__()
    finally:
        done.set()
        other.join()
    with RunDirectory(tmp_path / "run", IDENTITY):
        pass


def test_a_directory_that_changed_hands_is_checked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run comes and goes between the first check and the lock."""

    def other_run(path: Path, mode: int = 0o777, **_: object) -> None:
        os.makedirs(path, mode, exist_ok=True)  # noqa: PTH103 - Path.mkdir is what is replaced
        (path / "run.json").write_text('{"identity": {"model": "another"}}\n')

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", other_run)
        with pytest.raises(ConfigError, match="its model is"):
            RunDirectory(tmp_path / "run", IDENTITY).__enter__()


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "run", IDENTITY) as directory:
        directory.write_json("metrics.json", {"x": 1})
        with pytest.raises(TypeError):
            directory.write_lines("metrics.json", [{"x": 2}, {"y": object()}])  # type: ignore[dict-item]
    names = [path.name for path in (tmp_path / "run").iterdir()]
    assert sorted(names) == [".lock", "metrics.json"]
    assert json.loads((tmp_path / "run" / "metrics.json").read_text()) == {"x": 1}


def test_the_lock_is_let_go_after_a_failure(tmp_path: Path) -> None:
    def fail() -> None:
        with RunDirectory(tmp_path / "run", IDENTITY):
            raise RuntimeError

    use: Callable[[], None] = fail
    for _ in range(2):
        with pytest.raises(RuntimeError):
            use()
