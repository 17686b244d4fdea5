"""The checks of the machine, on this machine."""

import sys
from pathlib import Path

import pytest

from flows.doctor import host
from flows.doctor.findings import Status
from tasks.core.errors import ConfigError


def test_the_interpreter_and_the_packages_of_the_tests_are_right() -> None:
    python, packages = host.python(), host.packages()
    assert (python.status, packages.status) == (Status.OK, Status.OK)
    assert python.found.startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert "numpy " in packages.found


def test_packages_that_are_absent_or_too_old_are_told() -> None:
    asked = [
        "numpy>=1",
        "numpy<1.5",
        "no-such-package>=2",
        'neither-this>=2; extra == "dev"',
        'nor-this; python_version < "3"',
    ]
    old, absent = host.unmet(asked)
    assert old.startswith("numpy ")
    assert old.endswith("(needs <1.5)")
    assert absent == "no-such-package is not installed (needs >=2)"


def test_more_programs_than_cores_are_noted() -> None:
    cores = host.usable_cores()
    finding = host.cores_and_memory(cores + 1)
    assert finding.status is Status.NOTE
    assert f"give --workers {cores}" in finding.advice
    assert finding.found.startswith(f"{cores} cores for {cores + 1} programs at once, ")


def test_the_folder_of_temporary_files_is_named_with_its_room() -> None:
    finding = host.temporary_folder()
    assert finding.status is not Status.FAIL
    assert finding.found.endswith(" free")


def test_the_cache_is_counted_with_all_that_lies_in_it(tmp_path: Path) -> None:
    """Two entries of 600 bytes, and an environment of 800: 2.0 kB."""
    for name in ("ab/1.json", "cd/2.json", "environments/x/numpy.so"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"x" * (600 if name.endswith("json") else 800))
    (tmp_path / "loop").symlink_to(tmp_path)
    finding = host.cache(tmp_path)
    assert finding.status is Status.OK
    size_of_link = len(str(tmp_path))
    assert finding.found.startswith(f"{tmp_path}, 2 entries, ")
    assert finding.found.endswith("2.0 kB" if size_of_link < 50 else "2.1 kB")


def test_a_cache_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    assert host.cache(tmp_path / "new").found == f"{tmp_path / 'new'}, 0 entries, 0 bytes"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("check", [host.cache, host.run_folder])
def test_a_folder_that_cannot_be_made_is_a_failure(check, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is no folder"):
        check(tmp_path / "file" / "below")
