"""The verifier service as a process of its own, as a user starts it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

PATIENCE_S = 120.0


class ServedVerifier:
    """A running service.

    `output` holds what it has printed so far; `post` sends a body to /verify.
    """

    def __init__(self, *options: object, environment: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flows", "serve-verifier", "--port", "0", *map(str, options)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self.output = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.wait_for(" (Ctrl-C ends)\n")
        self.url = self.output.split()[2]
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=PATIENCE_S)

    def wait_for(self, text: str) -> None:
        """Wait until the service has printed something."""
        wait_until(lambda: text in self.output or not self._reader.is_alive())
        assert text in self.output, self.output

    def post(self, problem_id: str, solutions: object, **others: object) -> httpx.Response:
        """Ask for verdicts."""
        body = {"problem_id": problem_id, "solutions": solutions, **others}
        # Unlike the client's own JSON, this can carry half of a surrogate pair.
        return self.http.post("/verify", content=json.dumps(body))

    def gauge(self, name: str) -> float:
        """Return a value of /metrics."""
        lines = self.http.get("/metrics").text.splitlines()
        return next(float(line.split()[-1]) for line in lines if line.split()[0] == name)

    def descendants(self) -> set[int]:
        """Return the process ids of everything that the service has started."""
        return descendants(self.process.pid)

    def wait_for_a_child(self, before: set[int]) -> set[int]:
        """Wait for a process that was not there before."""
        wait_until(lambda: bool(self.descendants() - before))
        return self.descendants() - before

    def survivors(self, processes: set[int]) -> set[int]:
        """Return those of the processes that still run."""
        return {pid for pid in processes if parent_of(Path(f"/proc/{pid}")) is not None}

    def end(self) -> int:
        """Ask the service to end, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """Wait for the end of the service."""
        code = self.process.wait(PATIENCE_S)
        self._reader.join()
        return code

    def close(self) -> None:
        """Make sure that it has ended."""
        self.http.close()
        if self.process.poll() is None:
            self.process.kill()
        self.ended()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait, but not for ever."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def descendants(pid: int) -> set[int]:
    """Return the ids of a process's children, their children and so on, as /proc has them."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            parent = parent_of(entry)
            if parent is not None:
                parents[int(entry.name)] = parent
    found: set[int] = set()
    while more := {p for p, parent in parents.items() if parent in {pid, *found}} - found:
        found |= more
    return found


def parent_of(entry: Path) -> int | None:
    """Return the parent of a process; None if the process has ended, waited for or not."""
    try:
        state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return None
    return None if state in "ZX" else int(parent)


@pytest.fixture(scope="session")
def processes_below() -> Callable[[int], set[int]]:
    """Return the processes that a process has started, those that they have started, and so on."""
    return descendants


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[..., ServedVerifier]]:
    """Start services that end with the module at the latest."""
    started: list[ServedVerifier] = []

    def start(*options: object, ready: bool = True, **settings: Any) -> ServedVerifier:
        service = ServedVerifier(*options, **settings)
        started.append(service)
        if ready:
            service.wait_for("ready: ")
        return service

    yield start
    for service in started:
        service.close()


@pytest.fixture(scope="module")
def small_service(serve: Callable[..., ServedVerifier], shared_small: Path) -> ServedVerifier:
    """Serve the small benchmark, without a token."""
    return serve("--dataset", shared_small, "--workers", 2)


@pytest.fixture
def descendants_of() -> Callable[[int], set[int]]:
    """Tell the processes that a process has started, and those that they have."""
    return descendants


@pytest.fixture
def are_gone() -> Callable[[set[int]], bool]:
    """Tell whether all of these processes have ended."""
    return lambda processes: all(parent_of(Path(f"/proc/{pid}")) is None for pid in processes)
