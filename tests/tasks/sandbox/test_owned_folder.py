"""Folders of killed owners go, those of living owners and of others stay."""

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tasks.core.records import Ending
from tasks.sandbox.owned_folder import make_owned_folder, remove_abandoned_folders

ROOT = Path(__file__).parents[3]
OWNER = (
    "import time\n"
    "from tasks.sandbox.owned_folder import make_owned_folder\n"
    "folder, lock = make_owned_folder()\n"
    "print(folder, flush=True)\n"
    "time.sleep(900)"
)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_goes_when_its_owner_has_been_killed_and_not_before(temporary):
    environment = {**os.environ, "TMPDIR": str(temporary)}
    command = [sys.executable, "-c", OWNER]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as owner:
        try:
            folder = Path(owner.stdout.readline().decode().strip())
            remove_abandoned_folders()
            assert (folder / "owner").exists()
        finally:
            owner.kill()
    (folder / "jobs").mkdir()
    remove_abandoned_folders()
    assert not folder.exists()


def test_a_folder_that_is_not_locked_by_us_stays(temporary):
    (temporary / "sandbox-beginning").mkdir()
    (temporary / "sandbox-beginning" / "owner.new").touch()
    (temporary / "sandbox-file").touch()
    (temporary / "elsewhere").mkdir()
    (temporary / "elsewhere" / "owner").touch()
    (temporary / "sandbox-link").symlink_to(temporary / "elsewhere")
    remove_abandoned_folders()
    assert sorted(path.name for path in temporary.iterdir()) == [
        "elsewhere",
        "sandbox-beginning",
        "sandbox-file",
        "sandbox-link",
    ]
    assert (temporary / "elsewhere" / "owner").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_another_users_folder_stays(temporary):
    folder = temporary / "sandbox-theirs"
    folder.mkdir()
    (folder / "owner").touch()
    os.chown(folder, 65534, -1)
    remove_abandoned_folders()
    assert folder.exists()


def test_a_folder_let_go_of_is_abandoned():
    folder, lock = make_owned_folder()
    os.close(lock)
    remove_abandoned_folders()
    assert not folder.exists()


def test_opening_a_pool_removes_what_a_killed_evaluator_left(make_pool, temporary):
    environment = {**os.environ, "TMPDIR": str(temporary)}
    command = [sys.executable, "-c", OWNER]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as owner:
        folder = Path(owner.stdout.readline().decode().strip())
        owner.kill()

    async def talk():
        async with make_pool() as pool:
            (mine,) = temporary.glob("sandbox-*")  # and not the dead owner's
            assert mine != folder
            remove_abandoned_folders()
            assert mine.exists()
            return await pool.run("pass")

    assert asyncio.run(talk()).ending is Ending.COMPLETED
    assert not list(temporary.glob("sandbox-*"))
