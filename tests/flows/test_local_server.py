"""A run without a configured Prefect server has one of its own, for as long as it lasts."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from prefect.settings import PREFECT_API_URL

from flows.local_server import local_server

PATIENCE_S = 150.0
RUN = """
import os, time
from flows.local_server import local_server
from prefect.settings import PREFECT_API_URL
with local_server(os.getpid()):
    print(PREFECT_API_URL.value(), flush=True)
    time.sleep(600)
"""


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5):  # noqa: S310 - loopback
            return True
    except (urllib.error.URLError, OSError):
        return False


def test_a_configured_server_is_used(prefect_api: str) -> None:
    with local_server(os.getpid()):
        assert PREFECT_API_URL.value() == prefect_api


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_the_server_dies_with_a_killed_run(prefect_api: str) -> None:
    del prefect_api  # its database is ready: making one takes longer than this test
    run = subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    url = run.stdout.readline().strip()
    assert answers(url)

    run.send_signal(signal.SIGKILL)
    run.communicate()

    deadline = time.monotonic() + PATIENCE_S
    while answers(url):
        assert time.monotonic() < deadline
        time.sleep(0.05)
