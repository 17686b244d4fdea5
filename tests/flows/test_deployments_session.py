"""What a person does with deployed evaluations: a real server, a real worker, the API of the pages.

Each test is one story, since every flow run is a process that takes seconds to start.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from tests.conftest import Endpoint

PATIENCE_S = 180.0
CANCELLED_S = 10.0
POOL = "scicode"


class Session:
    """A server and a worker on loopback, and what the pages ask of the server's API."""

    def __init__(self, folder: Path, below: Callable[[int], set[int]]) -> None:
        self.folder = folder
        self.below = below
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=PATIENCE_S)
        self.server: subprocess.Popen[bytes] | None = None
        self.worker: subprocess.Popen[bytes] | None = None
        self.work = folder / "work"
        self.work.mkdir()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of server, worker and commands."""
        return {
            **os.environ,
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PREFECT_API_URL": self.url,
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_LOGGING_LEVEL": "INFO",
        }

    def start_server(self) -> None:
        self.server = self._start("server", "prefect", "server", "start", "--port", str(self.port))
        wait_until(self._answers)

    def start_worker(self) -> None:
        self.worker = self._start("worker", "prefect", "worker", "start", "--pool", POOL)

    def deploy(self) -> str:
        """Register the deployments as a person does, and return what the command printed."""
        command = [sys.executable, "-m", "flows", "deploy", "--pool", POOL]
        ran = subprocess.run(
            command, env=self.environment, cwd=self.work, capture_output=True, text=True, check=True
        )
        return ran.stdout

    def run(self, **settings: object) -> str:
        """Start an evaluation with these settings, as *Custom run* does; return its id."""
        deployment = self.http.get("/deployments/name/evaluate/evaluate").json()["id"]
        body = {"parameters": {"config": settings}, "state": {"type": "SCHEDULED"}}
        answer = self.http.post(f"/deployments/{deployment}/create_flow_run", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def set_state(self, run_id: str, kind: str, name: str, *, force: bool = False) -> None:
        body = {"state": {"type": kind, "name": name}, "force": force}
        answer = self.http.post(f"/flow_runs/{run_id}/set_state", json=body).json()
        assert answer["status"] == "ACCEPT", answer

    def retry(self, run_id: str) -> None:
        """Send what the button Retry sends."""
        self.set_state(run_id, "SCHEDULED", "AwaitingRetry")

    def state(self, run_id: str) -> str:
        return self.http.get(f"/flow_runs/{run_id}").json()["state"]["name"]

    def wait_for(self, run_id: str, *names: str) -> None:
        wait_until(lambda: self.state(run_id) in names, lambda: self.log("worker"))

    def problems(self, run_id: str) -> dict[str, str]:
        """Return the state of each problem's subflow, by its name."""
        body = {"flow_runs": {"parent_flow_run_id": {"any_": [run_id]}}}
        found = self.http.post("/flow_runs/filter", json=body).json()
        return {run["name"]: run["state"]["name"] for run in found}

    def task_states(self, run_id: str) -> dict[str, list[str]]:
        """Return the states of the task runs of a run and its subflows, by their names."""
        body = {"flow_runs": {"parent_flow_run_id": {"any_": [run_id]}}}
        runs = [run["id"] for run in self.http.post("/flow_runs/filter", json=body).json()]
        body = {"flow_runs": {"id": {"any_": [run_id, *runs]}}, "limit": 200}
        states: dict[str, list[str]] = {}
        for task in self.http.post("/task_runs/filter", json=body).json():
            states.setdefault(task["name"], []).append(task["state"]["name"])
        return states

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def kill(self, process: subprocess.Popen[bytes] | None) -> None:
        """End a process and everything that it has started, as a machine's crash does."""
        assert process is not None
        with_children = [process.pid, *self.below(process.pid)]
        for pid in with_children:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        process.wait(PATIENCE_S)

    def close(self) -> None:
        for process in (self.worker, self.server):
            if process is not None and process.poll() is None:
                self.kill(process)
        self.http.close()

    def _start(self, name: str, *module: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *module],
                env=self.environment,
                cwd=self.work,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _answers(self) -> bool:
        try:
            return self.http.get("/health", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(holds: Callable[[], bool], explain: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.1)


@pytest.fixture(scope="module")
def session(
    tmp_path_factory: pytest.TempPathFactory, processes_below: Callable[[int], set[int]]
) -> Iterator[Session]:
    """Start a server, register the deployments and start a worker."""
    session = Session(tmp_path_factory.mktemp("session"), processes_below)
    try:
        session.start_server()
        printed = session.deploy()
        assert "evaluate/evaluate" in printed
        assert "prefect worker start --pool scicode" in printed
        session.start_worker()
        yield session
    finally:
        session.close()


@pytest.fixture
def settings(small: Path, endpoint: Endpoint, tmp_path: Path) -> dict[str, object]:
    """Return what a person fills in to evaluate the small benchmark; no run directory."""
    return {
        "dataset": str(small),
        "model": "reference",
        "base_url": endpoint.base_url,
        "cache_dir": str(tmp_path / "kept"),
        "request_retries": 0,
        "repeats": 2,
        "workers": 2,
    }


def run_directory(session: Session, run_id: str) -> Path:
    (found,) = (session.work / "runs").glob(f"*-{run_id.rpartition('-')[2]}")
    return found


def record(session: Session, run_id: str) -> dict[str, Any]:
    return json.loads((run_directory(session, run_id) / "run.json").read_text())


def test_a_failed_evaluation_is_retried_for_what_failed_only(
    session: Session, settings: dict[str, object], endpoint: Endpoint
) -> None:
    """Problem 1 breaks at 1.3 of both repeats, when 6 of 8 generations are known."""
    endpoint.fail = lambda prompt: prompt.rfind("Describe 1.3") >= 0
    run_id = session.run(**settings)
    session.wait_for(run_id, "Failed", "Crashed", "Completed")
    assert session.problems(run_id) == {"problem 1": "Failed", "problem 2": "Completed"}
    assert len(endpoint.prompts) == 8
    first = record(session, run_id)
    # 1.1, 1.2 and 2.2; both repeats have the same programs.
    assert (first["status"], first["requests"], first["programs_run"]) == ("incomplete", 6, 3)

    endpoint.fail = None
    session.retry(run_id)
    session.wait_for(run_id, "Completed", "Failed", "Crashed")
    assert session.state(run_id) == "Completed"
    assert len(endpoint.prompts) == 8 + 2
    second = record(session, run_id)
    assert (second["status"], second["requests"], second["cached"]) == ("complete", 2, 6)
    # Only 1.3 is new.
    assert second["programs_run"] == 1
    metrics = json.loads((run_directory(session, run_id) / "metrics.json").read_text())
    assert metrics["metrics"]["subtask_accuracy"]["numerator"] == 8
    states = session.task_states(run_id)
    print(json.dumps(states, indent=1, ensure_ascii=False), session.problems(run_id))


def test_a_cancelled_evaluation_leaves_no_process(
    session: Session, settings: dict[str, object], endpoint: Endpoint
) -> None:
    assert session.worker is not None
    endpoint.gate = lambda prompt: prompt.rfind("Describe 1.2") < 0
    before = session.below(session.worker.pid)
    run_id = session.run(**settings)
    wait_until(lambda: len(endpoint.prompts) == 6, lambda: session.log("worker"))
    started = session.below(session.worker.pid) - before
    # The flow's own process at least, and the zygote of its programs.
    assert len(started) >= 2

    session.set_state(run_id, "CANCELLING", "Cancelling", force=True)
    asked = time.monotonic()
    wait_until(lambda: not session.below(session.worker.pid) & started)
    session.wait_for(run_id, "Cancelled", "Crashed", "Completed")
    assert time.monotonic() - asked < CANCELLED_S
    assert session.state(run_id) == "Cancelled"
    assert record(session, run_id)["status"] == "interrupted"
