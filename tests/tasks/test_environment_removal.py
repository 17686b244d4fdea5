"""An environment goes whole, and only while nobody runs programs in it or builds it."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tasks.core.records import Environment
from tasks.environment_removal import Use, kept_environments, remove_environment
from tasks.environments import building_lock, folder_of, holding, prepare_environment

THIS = f"{sys.version_info.major}.{sys.version_info.minor}"
SOON_S = 30.0


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the path of a lock that pins nothing, and a PATH without uv."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    path = tmp_path / "tiny.lock"
    path.write_text(f"# python: {THIS}\n")
    return str(path)


@pytest.fixture
def built(lock: str, tmp_path: Path) -> Environment:
    """Build an environment in the folder `cache`."""
    return prepare_environment(lock, tmp_path / "cache", lambda _: None)


def test_an_environment_is_listed_with_its_size(built: Environment, tmp_path: Path) -> None:
    (found,) = kept_environments(tmp_path / "cache")
    folder = folder_of(built)
    assert (found.folder, found.whole, found.use) == (folder, True, Use.UNUSED)
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    assert found.size_bytes == sum(path.lstat().st_size for path in files)
    assert found.built == (folder / "environment-is-whole").stat().st_mtime


def test_an_unused_environment_is_removed_and_built_anew(
    built: Environment, lock: str, tmp_path: Path
) -> None:
    (found,) = kept_environments(tmp_path / "cache")
    assert remove_environment(found) is Use.UNUSED
    assert not folder_of(built).exists()
    assert kept_environments(tmp_path / "cache") == ()
    assert prepare_environment(lock, tmp_path / "cache", lambda _: None) == built


def test_an_environment_in_use_stays_until_it_is_given_back(
    built: Environment, tmp_path: Path
) -> None:
    (found,) = kept_environments(tmp_path / "cache")
    with holding(built) as there, holding(built) as there_too:
        assert there
        assert there_too
        assert kept_environments(tmp_path / "cache")[0].use is Use.IN_USE
        assert remove_environment(found) is Use.IN_USE
        assert os.access(built.python, os.X_OK)
    assert remove_environment(found) is Use.UNUSED


def test_a_killed_user_holds_nothing(built: Environment, tmp_path: Path) -> None:
    source = (
        "import sys, time\n"
        "from tasks.core.records import Environment\n"
        "from tasks.environments import holding\n"
        "with holding(Environment('tiny', sys.argv[1], '')) as there:\n"
        "    print(there, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", source, built.python], stdout=subprocess.PIPE, text=True
    ) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == "True\n"
        (found,) = kept_environments(tmp_path / "cache")
        assert found.use is Use.IN_USE
        user.send_signal(signal.SIGKILL)
    assert remove_environment(found) is Use.UNUSED


def test_an_environment_that_is_being_built_stays(built: Environment, tmp_path: Path) -> None:
    (folder_of(built) / "environment-is-whole").unlink()
    with building_lock(folder_of(built)).open("r+") as builder:
        fcntl.flock(builder, fcntl.LOCK_EX)
        (found,) = kept_environments(tmp_path / "cache")
        assert (found.whole, found.use) == (False, Use.BEING_BUILT)
        assert remove_environment(found) is Use.BEING_BUILT
    assert remove_environment(found) is Use.UNUSED
    assert not folder_of(built).exists()


def test_who_comes_during_a_removal_waits_and_learns_of_it(built: Environment) -> None:
    folder = folder_of(built)
    seen: list[bool] = []

    def use() -> None:
        with holding(built) as there:
            seen.append(there)

    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    user = threading.Thread(target=use)
    user.start()
    (folder / "environment-is-whole").unlink()
    user.join(0.2)
    assert seen == []
    os.close(descriptor)
    user.join(SOON_S)
    assert seen == [False]


def test_an_environment_that_has_gone_is_not_held(tmp_path: Path) -> None:
    with holding(Environment("x", str(tmp_path / "x" / "bin" / "python"), "")) as there:
        assert not there


def test_this_interpreter_needs_no_holding() -> None:
    with holding(Environment("current", sys.executable, "")) as there:
        assert there


def test_foreign_folders_and_links_are_not_environments(built: Environment, tmp_path: Path) -> None:
    root = tmp_path / "cache" / "environments"
    (root / "theirs-0123456789ab").mkdir()
    (root / "other").mkdir()
    (root / "other" / "environment-is-whole").touch()
    (root / "link-0123456789ab").symlink_to(folder_of(built))
    assert [found.folder for found in kept_environments(tmp_path / "cache")] == [folder_of(built)]


def test_links_in_an_environment_are_removed_and_not_followed(
    built: Environment, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").touch()
    (folder_of(built) / "link").symlink_to(tmp_path / "outside")
    (found,) = kept_environments(tmp_path / "cache")
    assert remove_environment(found) is Use.UNUSED
    assert (tmp_path / "outside" / "file").exists()
