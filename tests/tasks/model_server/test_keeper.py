"""What a keeper does, seen by whoever started it."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from tasks.model_server.keeper import MARK_NAME
from tasks.model_server.process_table import list_marked

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="orphans are found on Linux only")
PATIENCE_S = 20.0
TALKS = "import os; print(os.getcwd(), os.environ['{name}'], os.getpgid(0) == os.getpid())"
# Each orphan starts the next one in a session of its own, and ends.
FLEEING = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    time.sleep(0.01)
    if os.fork():
        os._exit(0)
    os.setsid()
"""
ABANDONS = """
import os, time
keeper = os.getppid()
for _ in range(5):
    if not os.fork():
        if not os.fork():
            while os.getppid() != keeper:
                time.sleep(0.01)
            os.write(1, b"adopted\\n")
        os._exit(0)
    os.wait()
time.sleep(600)
"""
WAITS = "import time; time.sleep(600)"


@contextmanager
def keeper(source, log, grace_s="0.3"):
    module = (sys.executable, "-P", "-m", "tasks.model_server.keeper")
    with (
        log.open("ab") as output,
        subprocess.Popen(
            [*module, grace_s, str(log), sys.executable, "-c", source],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
        ) as process,
    ):
        yield process


def test_a_server_is_marked_leads_a_group_and_writes_to_the_log(tmp_path):
    log = tmp_path / "log"
    with keeper(TALKS.format(name=MARK_NAME), log) as process:
        assert process.stdout.readline().startswith(b"started ")
        assert process.stdout.readline() == b"ended 0\n"
        assert process.wait() == 0
    assert log.read_text() == f"{os.getcwd()} {log} True\n"  # noqa: PTH109 - as the server says it


def test_a_server_that_wants_to_stop_is_given_the_time(tmp_path):
    polite = (
        "import signal, sys, time\n"
        "def stop(*_): time.sleep(0.5); print('saved', flush=True); sys.exit()\n"
        "signal.signal(signal.SIGTERM, stop); print('up', flush=True); time.sleep(600)"
    )
    log = tmp_path / "log"
    with keeper(polite, log, grace_s="60") as process:
        wait_until(lambda: log.read_text() == "up\n")
        process.stdin.close()
        assert process.wait() == 0
    assert log.read_text() == "up\nsaved\n"


def test_processes_that_flee_from_parent_to_parent_are_caught(tmp_path):
    with keeper(FLEEING, tmp_path / "log") as process:
        process.stdout.readline()
        assert process.stdout.readline() == b"ended 0\n"
        assert process.wait() == 0
    assert list_marked(MARK_NAME, str(tmp_path / "log")) == []


def test_orphans_that_end_meanwhile_leave_no_zombies(tmp_path):
    log = tmp_path / "log"
    with keeper(ABANDONS, log) as process:
        wait_until(lambda: log.read_text().count("adopted\n") == 5)
        server = process.stdout.readline().split()[1].decode()
        wait_until(lambda: children(process.pid) == [server])
        process.stdin.close()


def test_a_keeper_without_an_evaluator_stops_at_once(tmp_path):
    with keeper(WAITS, tmp_path / "log") as process:
        server = int(process.stdout.readline().split()[1])
        process.stdout.close()
        process.stdin.close()
        process.wait()
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)


def wait_until(is_so):
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:  # noqa: PTH123 - /proc
        return file.read().split()
