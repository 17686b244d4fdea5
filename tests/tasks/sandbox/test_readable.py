"""What may be read is named, and what is hidden in it is cut out."""

import os
from pathlib import Path

from tasks.sandbox.readable import (
    Readable,
    carve,
    find_files,
    find_readable,
    is_open_below,
    is_open_to_all,
)


def make_files(top: Path, *names: str) -> None:
    for name in names:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text("x")


def test_a_root_without_anything_hidden_is_one_rule(tmp_path):
    assert list(carve(Readable((str(tmp_path),), ()))) == [(str(tmp_path), True)]


def test_what_is_hidden_is_left_out_and_the_way_to_it_can_only_be_listed(tmp_path):
    make_files(tmp_path, "a/x.py", "b/tasks/targets.h5", "b/numpy/x.py", "b/tasks_too.py", "c.py")
    top = str(tmp_path)
    rules = dict(carve(Readable((top,), (f"{top}/b/tasks",))))
    assert rules == {
        top: False,
        f"{top}/a": True,
        f"{top}/b": False,
        f"{top}/b/numpy": True,
        f"{top}/b/tasks_too.py": True,
        f"{top}/c.py": True,
    }


def test_links_beside_what_is_hidden_are_not_followed(tmp_path):
    make_files(tmp_path, "b/tasks/targets.h5")
    (tmp_path / "b" / "alias").symlink_to(tmp_path / "b" / "tasks")
    rules = dict(carve(Readable((str(tmp_path),), (f"{tmp_path}/b/tasks",))))
    assert set(rules.values()) == {False}


def test_the_interpreter_and_its_libraries_are_readable_and_homes_are_not():
    readable = find_readable(("numpy", "no_such_package"))

    def is_named(path: str) -> bool:
        real = os.path.realpath(path)
        return any(real == root or real.startswith(f"{root}/") for root in readable.roots)

    assert is_named(os.__file__)
    assert all(map(is_named, find_files(("numpy",))))
    assert not is_named(str(Path.home() / ".ssh"))
    assert not is_named("/etc/passwd")
    assert not is_named("/proc/1/environ")
    assert not is_named(str(Path(__file__)))


def test_a_path_below_another_is_not_named_twice():
    roots = find_readable(()).roots
    assert not [r for r in roots for other in roots if r.startswith(f"{other}/")]


def test_a_path_is_open_to_all_if_the_folders_above_it_are(tmp_path):
    make_files(tmp_path, "shut/file.py")
    file = tmp_path / "shut" / "file.py"
    file.chmod(0o644)
    (tmp_path / "shut").chmod(0o700)
    assert is_open_below(str(file))
    assert not is_open_to_all(str(file))
    file.chmod(0o600)
    assert not is_open_below(str(file))
    assert is_open_to_all("/")
    assert not is_open_below(str(tmp_path / "absent"))
