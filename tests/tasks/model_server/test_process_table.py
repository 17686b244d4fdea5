"""Which processes are found, and which are killed."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tasks.model_server.process_table import kill_marked, list_descendants, list_marked, send

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="read off Linux's /proc")
SLEEP = "import time; time.sleep(600)"
FAMILY = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], start_new_session=True)
print(child.pid, flush=True)
child.wait()
"""
# A process that goes on after its first thread has ended.
HEADLESS = """
import ctypes, threading, time
threading.Thread(target=lambda: (print("runs", flush=True), time.sleep(600))).start()
ctypes.CDLL(None).pthread_exit(None)
"""


def start(source, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", source, *arguments], stdout=subprocess.PIPE, text=True, **options
    )


def test_descendants_of_every_generation_and_session_are_found():
    with start(FAMILY, SLEEP) as child:
        grandchild = int(child.stdout.readline())
        assert set(list_descendants(os.getpid())) >= {child.pid, grandchild}
        assert list_descendants(child.pid) == [grandchild]
        os.kill(grandchild, signal.SIGKILL)
    assert list_descendants(child.pid) == []


def test_a_process_that_has_ended_is_not_found_though_nobody_has_fetched_it():
    with start("") as child:
        child.stdout.read()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert child.pid not in list_descendants(os.getpid())


def test_a_process_whose_first_thread_has_ended_is_found():
    with start(HEADLESS) as child:
        child.stdout.readline()
        time.sleep(0.1)
        assert child.pid in list_descendants(os.getpid())
        child.kill()


def test_marked_processes_are_killed_and_no_others():
    environment = {**os.environ, "OUR_MARK": "17"}
    other = {**os.environ, "OUR_MARK": "170"}
    with start(FAMILY, SLEEP, env=environment) as child, start(SLEEP, env=other) as bystander:
        grandchild = int(child.stdout.readline())
        assert set(list_marked("OUR_MARK", "17")) == {child.pid, grandchild}
        assert kill_marked("OUR_MARK", "17", within_s=10)
        assert child.wait() == -signal.SIGKILL
        assert list_marked("OUR_MARK", "17") == []
        assert bystander.poll() is None
        bystander.kill()


def test_a_signal_to_what_has_ended_does_no_harm():
    with start("") as child:
        child.wait()
    send(child.pid, signal.SIGTERM)
