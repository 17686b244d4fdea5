"""The verifier service starts, stops and refuses to start."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import pytest

from flows.cli import run

if TYPE_CHECKING:
    from tests.flows.conftest import ServedVerifier

Serve = Callable[..., "ServedVerifier"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

DOUBLE = "def double(x):\n    return 2 * x\n"
NAP = "import time\ntime.sleep(2)\n" + DOUBLE
SLEEP = "import time\ntime.sleep(600)\n"


def test_it_says_that_it_is_starting_until_it_is_ready(serve: Serve, small: Path) -> None:
    content = small.read_bytes()
    small.unlink()
    os.mkfifo(small)  # reading the problems takes until somebody writes them
    service = serve("--dataset", small, ready=False)
    health = service.http.get("/healthz")
    assert (health.status_code, health.json()) == (503, {"status": "starting"})
    refused = service.post("1", {"1.1": DOUBLE})
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
    assert "the verifier is starting" in refused.json()["detail"]

    small.write_bytes(content)

    service.wait_for("ready: ")
    assert service.http.get("/healthz").status_code == 200
    assert service.post("1", {"1.1": DOUBLE}).json()["reward"] == 1.0
    assert service.end() == 0


def test_a_service_that_is_starting_can_be_stopped(serve: Serve, shared_small: Path) -> None:
    service = serve("--dataset", shared_small, ready=False)
    assert service.end() == 0
    assert "Traceback" not in service.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_what_runs_end(
    serve: Serve, shared_small: Path, number: signal.Signals
) -> None:
    service = serve("--dataset", shared_small, "--workers", 1)
    before = service.descendants()
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(service.post, "1", {"1.1": NAP})
        started = before | service.wait_for_a_child(before)
        service.process.send_signal(number)
        assert answer.result().json()["reward"] == 1.0
    assert service.ended() == 0
    assert service.survivors(started) == set()
    assert "Traceback" not in service.output


def test_what_does_not_end_within_the_grace_is_killed(serve: Serve, shared_small: Path) -> None:
    options = ("--dataset", shared_small, "--workers", 1, "--grace-s", 1, "--time-limit-s", 900)
    service = serve(*options)
    before = service.descendants()
    with ThreadPoolExecutor(2) as threads:
        running = threads.submit(service.post, "1", {"1.1": SLEEP, "1.2": SLEEP})
        started = before | service.wait_for_a_child(before)
        begin = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        answer = running.result()
    assert answer.status_code == 503
    assert "stopped before the verdict" in answer.json()["detail"]
    assert service.ended() == 0
    assert 1 <= time.monotonic() - begin < 20
    assert service.survivors(started) == set()


def test_a_second_signal_does_not_wait_for_the_grace(serve: Serve, shared_small: Path) -> None:
    service = serve("--dataset", shared_small, "--grace-s", 600, "--time-limit-s", 900)
    before = service.descendants()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(service.post, "1", {"1.1": SLEEP})
        started = before | service.wait_for_a_child(before)
        service.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert not running.done()
        service.process.send_signal(signal.SIGTERM)
        assert running.result().status_code == 503
    assert service.ended() == 0
    assert service.survivors(started) == set()


def test_no_child_outlives_a_service_that_is_killed(serve: Serve, shared_small: Path) -> None:
    service = serve("--dataset", shared_small, "--time-limit-s", 900)
    before = service.descendants()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(service.post, "1", {"1.1": SLEEP})
        started = before | service.wait_for_a_child(before)
        service.process.kill()
        assert running.exception() is not None
    deadline = time.monotonic() + 20
    while service.survivors(started):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_service_that_cannot_start_says_why_and_ends(serve: Serve, small: Path) -> None:
    with h5py.File(small.with_name("targets.h5"), "a") as file:
        del file["1.3"]
    service = serve("--dataset", small, ready=False)
    assert service.ended() == 2
    assert "error: " in service.output
    assert "1.3" in service.output
    assert "Traceback" not in service.output


def test_others_are_let_in_with_a_token_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve-verifier", "--port", "0", "--host", "0.0.0.0"]) == 2  # noqa: S104 - refused
    assert "give --token-env NAME" in capsys.readouterr().err
    assert run(["serve-verifier", "--port", "0", "--token-env", "NO_SUCH_VARIABLE"]) == 2
    assert "variable NO_SUCH_VARIABLE, found none" in capsys.readouterr().err


def test_a_taken_port_is_said_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert run(["serve-verifier", "--port", str(taken.getsockname()[1])]) == 2
    assert "cannot listen on 127.0.0.1 port" in capsys.readouterr().err
