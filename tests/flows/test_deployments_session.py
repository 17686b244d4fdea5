"""What a person does with deployed evaluations: a real server, a real worker, the API of the pages.

Each test is one story, since every flow run is a process that takes seconds to start. The first
uses the server of all tests; the slow ones have a server of their own, which they also kill.
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
import yaml

from flows.cli import run

if TYPE_CHECKING:
    from tests.conftest import Endpoint

PATIENCE_S = 180.0
CANCELLED_S = 10.0
POOL = "scicode"
LOST_RUN = Path(__file__).parents[2] / "deployments" / "automations" / "lost-run.yaml"


class Session:
    """A server and a worker on loopback, and what the pages ask of the server's API."""

    def __init__(self, folder: Path, url: str, below: Callable[[int], set[int]]) -> None:
        self.folder = folder
        self.url = url
        self.below = below
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE_S)
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
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
            "PREFECT_API_URL": self.url,
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            # The shortest that Prefect allows.
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
            "PREFECT_LOGGING_LEVEL": "INFO",
        }

    def start_server(self) -> None:
        port = str(self.http.base_url.port)
        self.server = self._start("server", "prefect", "server", "start", "--port", port)
        wait_until(self._answers)

    def start_worker(self) -> None:
        self.worker = self._start("worker", "prefect", "worker", "start", "--pool", POOL)

    def run(self, name: str = "evaluate", /, **settings: object) -> str:
        """Start a deployment with these settings, as *Custom run* does; return the run's id."""
        deployment = self.http.get(f"/deployments/name/{name}/{name}").json()["id"]
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

    def subflows(self, run_id: str) -> dict[str, str]:
        """Return the state of each newest subflow, by its name."""
        body = {
            "flow_runs": {"parent_flow_run_id": {"any_": [run_id]}},
            "sort": "START_TIME_ASC",
        }
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


def alive(pids: set[int]) -> set[int]:
    """Return the processes that still run; one that nobody has waited for yet does not."""
    return {pid for pid in pids if process_state(pid) not in ("", "Z")}


def process_state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def wait_until(holds: Callable[[], bool], explain: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.3)


@pytest.fixture
def session(
    prefect_api: str,
    tmp_path: Path,
    processes_below: Callable[[int], set[int]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Session]:
    """Register the deployments at the server of all tests, and start a worker."""
    session = Session(tmp_path, prefect_api, processes_below)
    monkeypatch.chdir(session.work)
    try:
        assert run(["deploy", "--pool", POOL]) == 0
        printed = capsys.readouterr().out
        assert "evaluate/evaluate  http" in printed
        assert f"prefect worker start --pool {POOL}" in printed
        session.start_worker()
        yield session
    finally:
        session.close()


@pytest.fixture(scope="module")
def own(
    tmp_path_factory: pytest.TempPathFactory, processes_below: Callable[[int], set[int]]
) -> Iterator[Session]:
    """Start a server, register the deployments and start a worker, each as a person does."""
    url = f"http://127.0.0.1:{free_port()}/api"
    session = Session(tmp_path_factory.mktemp("session"), url, processes_below)
    try:
        session.start_server()
        subprocess.run(
            [sys.executable, "-m", "flows", "deploy"],
            env=session.environment,
            cwd=session.work,
            check=True,
        )
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
        "workers": 2,
    }


def run_directory(session: Session, run_id: str) -> Path:
    (found,) = (session.work / "runs").glob(f"*-{run_id.rpartition('-')[2]}")
    return found


def record(session: Session, run_id: str) -> dict[str, Any]:
    return json.loads((run_directory(session, run_id) / "run.json").read_text())


@pytest.mark.slow
def test_a_failed_evaluation_is_retried_for_what_failed_only(
    session: Session, settings: dict[str, object], endpoint: Endpoint
) -> None:
    """Problem 1 breaks at 1.3, when 3 of 4 generations are known."""
    endpoint.fail = lambda prompt: prompt.rfind("Describe 1.3") >= 0
    run_id = session.run(**settings)
    session.wait_for(run_id, "Failed", "Crashed", "Completed")
    assert session.subflows(run_id) == {"problem 1": "Failed", "problem 2": "Completed"}
    assert len(endpoint.prompts) == 4
    first = record(session, run_id)
    # 1.1, 1.2 and 2.2.
    assert (first["status"], first["requests"], first["programs_run"]) == ("incomplete", 3, 3)

    endpoint.fail = None
    session.retry(run_id)
    # The worker may say "Crashed" when it sees the end of the first process, after the retry began.
    session.wait_for(run_id, "Completed", "Failed")
    assert session.state(run_id) == "Completed"
    assert len(endpoint.prompts) == 4 + 1
    second = record(session, run_id)
    assert (second["status"], second["requests"], second["cached"]) == ("complete", 1, 3)
    # Only 1.3 is new.
    assert second["programs_run"] == 1
    metrics = json.loads((run_directory(session, run_id) / "metrics.json").read_text())
    assert metrics["metrics"]["subtask_accuracy"]["numerator"] == 4
    assert session.subflows(run_id) == {"problem 1": "Completed", "problem 2": "Completed"}
    known = ["generate 1.1", "generate 1.2", "generate 2.2", "verify 1.1", "verify 2.2"]
    expected = {f"{name} · repeat 0": ["Cached", "Completed"] for name in known}
    expected["generate 1.3 · repeat 0"] = ["Completed", "Failed"]

    def found() -> dict[str, list[str]]:
        return {name: sorted(session.task_states(run_id).get(name, [])) for name in expected}

    # The server writes task runs down in batches, some seconds after they end.
    wait_until(lambda: found() == expected, lambda: str(found()))


@pytest.mark.slow
def test_a_cancelled_evaluation_leaves_no_process(
    own: Session, settings: dict[str, object], endpoint: Endpoint
) -> None:
    assert own.worker is not None
    endpoint.gate = lambda prompt: prompt.rfind("Describe 1.2") < 0
    before = own.below(own.worker.pid)
    run_id = own.run(**settings)
    wait_until(lambda: len(endpoint.prompts) == 3, lambda: own.log("worker"))
    started = own.below(own.worker.pid) - before
    # The flow's own process at least, and the zygote of its programs.
    assert len(started) >= 2

    own.set_state(run_id, "CANCELLING", "Cancelling", force=True)
    asked = time.monotonic()
    wait_until(lambda: not alive(started))
    own.wait_for(run_id, "Cancelled", "Crashed", "Completed")
    assert time.monotonic() - asked < CANCELLED_S
    assert own.state(run_id) == "Cancelled"
    assert record(own, run_id)["status"] == "interrupted"
    endpoint.gate = None
    own.retry(run_id)
    own.wait_for(run_id, "Completed", "Failed", "Crashed")
    assert own.state(run_id) == "Completed"
    # 1.1 and 2.2 were answered; 1.2 was in flight.
    assert sorted(endpoint.counts.values()) == [1, 1, 1, 2]


# Is ready at once, answers no question, and has a child as vLLM's engine is one.
MUTE_SERVER = """
import http.server, subprocess, sys, time

class Mute(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"object": "list", "data": []}')

    def do_POST(self):
        open(sys.argv[2], "w").close()
        time.sleep(600)

subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Mute).serve_forever()
"""


@pytest.mark.slow
def test_cancelling_stops_the_models_server_too(
    own: Session, settings: dict[str, object], tmp_path: Path
) -> None:
    assert own.worker is not None
    script, asked = tmp_path / "mute.py", tmp_path / "asked"
    script.write_text(MUTE_SERVER)
    before = own.below(own.worker.pid)
    run_id = own.run(
        dataset=settings["dataset"],
        cache_dir=settings["cache_dir"],
        checkpoint=str(script),
        serve_command=f"'{sys.executable}' '{script}' {{port}} '{asked}'",
    )
    wait_until(asked.exists, lambda: own.log("worker"))
    started = own.below(own.worker.pid) - before
    commands = [Path(f"/proc/{pid}/cmdline").read_text() for pid in started]
    assert any(str(script) in command for command in commands)
    assert any("sleep(600)" in command for command in commands)

    own.set_state(run_id, "CANCELLING", "Cancelling", force=True)
    begin = time.monotonic()
    wait_until(lambda: not alive(started))
    own.wait_for(run_id, "Cancelled", "Crashed", "Completed")
    assert time.monotonic() - begin < CANCELLED_S
    assert own.state(run_id) == "Cancelled"


@pytest.mark.slow
def test_a_second_night_finds_nothing_to_do(
    own: Session, settings: dict[str, object], tmp_path: Path
) -> None:
    common = {name: settings[name] for name in ("dataset", "cache_dir", "workers")}
    night = {**common, "runs_root": str(tmp_path / "nights"), "checkpoint_list": ["reference"]}
    first = own.run("nightly", **night)
    own.wait_for(first, "Completed", "Failed", "Crashed")
    assert own.state(first) == "Completed"
    assert own.subflows(first) == {f"reference on {settings['dataset']}": "Completed"}

    second = own.run("nightly", **night)
    own.wait_for(second, "Completed", "Failed", "Crashed")
    assert own.state(second) == "Completed"
    assert own.subflows(second) == {}
    assert len(list((tmp_path / "nights").glob("*/metrics.json"))) == 1
    body = {"filter": {"event": {"name": ["scicode.checkpoint.evaluated"]}}}

    def announced() -> list[dict[str, Any]]:
        events = own.http.post("/events/filter", json=body).json()["events"]
        return [event["payload"] for event in events]

    wait_until(lambda: bool(announced()))
    (event,) = announced()
    assert (event["checkpoint"], event["subtask_accuracy"]) == ("reference", 1.0)


@pytest.mark.slow
def test_a_killed_evaluation_crashes_and_is_retried(
    own: Session, settings: dict[str, object], endpoint: Endpoint
) -> None:
    assert own.worker is not None
    endpoint.gate = lambda prompt: prompt.rfind("Describe 1.3") < 0
    before = own.below(own.worker.pid)
    run_id = own.run(**settings)
    wait_until(lambda: len(endpoint.prompts) == 4, lambda: own.log("worker"))
    for pid in own.below(own.worker.pid) - before:
        os.kill(pid, signal.SIGKILL)
    own.wait_for(run_id, "Crashed", "Failed", "Completed")
    assert own.state(run_id) == "Crashed"

    endpoint.gate = None
    own.retry(run_id)
    # The worker says once more that the first process crashed, while the second one starts.
    own.wait_for(run_id, "Completed", "Failed")
    assert own.state(run_id) == "Completed"
    assert sorted(endpoint.counts.values()) == [1, 1, 1, 2]
    assert record(own, run_id)["status"] == "complete"


@pytest.mark.slow
def test_an_evaluation_survives_the_end_of_server_and_worker(
    own: Session, settings: dict[str, object], endpoint: Endpoint
) -> None:
    """As when a machine stops: nobody is left to say so, and the run stays Running."""
    endpoint.gate = lambda prompt: prompt.rfind("Describe 1.3") < 0
    run_id = own.run(**settings)
    wait_until(lambda: len(endpoint.prompts) == 4, lambda: own.log("worker"))
    verdicts = run_directory(own, run_id) / "verdicts.jsonl"
    wait_until(lambda: verdicts.read_bytes().count(b"\n") == 3)
    own.kill(own.worker)
    own.kill(own.server)
    own.start_server()
    own.start_worker()
    assert own.state(run_id) == "Running"
    # What *Change state* sends.
    own.set_state(run_id, "CRASHED", "Crashed", force=True)

    endpoint.gate = None
    own.retry(run_id)
    own.wait_for(run_id, "Completed", "Failed", "Crashed")
    assert own.state(run_id) == "Completed"
    assert sorted(endpoint.counts.values()) == [1, 1, 1, 2]
    assert record(own, run_id)["programs_run"] == 1


@pytest.mark.slow
def test_a_run_whose_machine_has_gone_crashes_by_the_example_automation(
    own: Session, settings: dict[str, object], endpoint: Endpoint
) -> None:
    automation = yaml.safe_load(LOST_RUN.read_text())
    automation["trigger"]["within"] = 70
    own.http.post("/automations/", json=automation).raise_for_status()
    endpoint.gate = lambda prompt: prompt.rfind("Describe 1.3") < 0
    run_id = own.run(**settings)
    wait_until(lambda: len(endpoint.prompts) == 4, lambda: own.log("worker"))
    # The server counts from the first sign of life that it has seen.
    time.sleep(5)
    own.kill(own.worker)
    assert own.state(run_id) == "Running"
    own.wait_for(run_id, "Crashed")

    endpoint.gate = None
    own.start_worker()
    own.retry(run_id)
    own.wait_for(run_id, "Completed", "Failed")
    assert own.state(run_id) == "Completed"
    assert sorted(endpoint.counts.values()) == [1, 1, 1, 2]
