"""The ledger: who evaluates a checkpoint, what came of it, and that no two do it at once."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.core.checkpoint_series import Checkpoint, Entry, Failure, Score
from tasks.core.errors import ConfigError
from tasks.evaluation_ledger import FOLDER, Ledger

CHECKPOINT = Checkpoint("step-1", "files:1", "/ckpts/step-1", 12.5)
FAILED = Entry(CHECKPOINT, "step-1-x", (Failure("then", "no memory"),))
SCORED = Entry(CHECKPOINT, "step-1-x", (), Score(0.5, 1.0, 2, (0.1, 0.9)), "run-id", "now")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "runs")
    ledger.open({"dataset": "small", "repeats": 1})
    return ledger


@pytest.mark.parametrize("entry", [FAILED, SCORED], ids=["failed", "scored"])
def test_an_entry_comes_back_as_it_was(ledger: Ledger, entry: Entry) -> None:
    assert ledger.entry("files:1") is None
    ledger.write(entry)
    assert ledger.entry("files:1") == entry
    assert ledger.entries() == {"files:1": entry}


def test_a_damaged_entry_is_passed_over(ledger: Ledger, tmp_path: Path) -> None:
    ledger.write(SCORED)
    (file,) = [f for f in (tmp_path / "runs" / FOLDER).glob("*.json") if f.name != "series.json"]
    file.write_text(file.read_text()[:-10])
    assert ledger.entries() == {}
    assert ledger.entry("files:1") is None


def test_a_checkpoint_is_claimed_once(ledger: Ledger, tmp_path: Path) -> None:
    other = Ledger(tmp_path / "runs")
    assert not ledger.is_claimed("files:1")
    with ledger.claim("files:1") as is_mine:
        assert is_mine
        assert other.is_claimed("files:1")
        with other.claim("files:1") as is_theirs:
            assert not is_theirs
        with other.claim("files:2") as another:
            assert another
    assert not ledger.is_claimed("files:1")


def test_a_look_by_another_does_not_lose_the_claim(ledger: Ledger, tmp_path: Path) -> None:
    """Whoever looks holds the lock for a moment, in which this one waits."""
    with ThreadPoolExecutor(1) as pool:
        with ledger.claim("files:1") as is_mine:
            assert is_mine
            other = pool.submit(claimed, Ledger(tmp_path / "runs"))
            time.sleep(0.1)
        assert other.result()


def claimed(ledger: Ledger) -> bool:
    with ledger.claim("files:1") as is_mine:
        return is_mine


def test_a_killed_process_holds_nothing(ledger: Ledger, tmp_path: Path) -> None:
    source = (
        "import sys, time; from pathlib import Path\n"
        "from tasks.evaluation_ledger import Ledger\n"
        "with Ledger(Path(sys.argv[1])).claim('files:1') as is_mine:\n"
        "    print(is_mine, flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", source, str(tmp_path / "runs")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert ledger.is_claimed("files:1")
        os.kill(holder.pid, signal.SIGKILL)
    with ledger.claim("files:1") as is_mine:
        assert is_mine


def test_a_series_has_one_configuration(tmp_path: Path, ledger: Ledger) -> None:
    ledger.open({"repeats": 1, "dataset": "small"})
    with pytest.raises(ConfigError, match=r"its repeats is 1, this one's is 3; give --runs-root"):
        Ledger(tmp_path / "runs").open({"dataset": "small", "repeats": 3})


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot use the ledger in"):
        Ledger(tmp_path / "file").open({})
