"""`scicode-flows server`: a Prefect server with our settings, which ends when it is asked to."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flows.cli import run
from flows.server_settings import read_server_settings

PATIENCE_S = 120.0


class Served:
    """A server as a process of its own, on a database whose tables are made."""

    def __init__(self, *options: object, **variables: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flows", "server", "--port", "0", *map(str, options)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **variables},
        )
        assert self.process.stdout is not None
        self.lines = [self.process.stdout.readline(), self.process.stdout.readline()]
        self.url = self.lines[0].split()[2]

    def get(self, path: str) -> Any:
        """Return what the server answers; a path counts from the page's own address."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.parse.urljoin(self.url, path), timeout=PATIENCE_S) as reply:
            return json.load(reply)

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal; return exit code and what was printed since it was ready."""
        self.process.send_signal(number)
        printed, _ = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, printed


@pytest.fixture(scope="module")
def database(prefect_api: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the session's database: making the tables takes far longer than a test."""
    del prefect_api
    copy = tmp_path_factory.mktemp("database") / "prefect.db"
    own = Path(os.environ["PREFECT_HOME"]) / "prefect.db"
    with closing(sqlite3.connect(own)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


@pytest.fixture(scope="module")
def served(database: Path) -> Iterator[Served]:
    server = Served(
        *("--database", f"sqlite:///{database}"),
        PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE="123",
        PREFECT_API_URL="http://127.0.0.1:9/api",
    )
    yield server
    assert server.end(signal.SIGTERM) == (0, "")


def test_it_says_where_it_is(served: Served) -> None:
    assert served.lines == [
        f"starting at {served.url} (Ctrl-C ends)\n",
        f"ready: export PREFECT_API_URL={served.url}/api\n",
    ]
    assert served.get("/api/health") is True


def test_it_has_the_settings_of_the_file(served: Served, database: Path) -> None:
    server = served.get("/api/admin/settings")["server"]
    services = server["services"]
    shown = {
        f"PREFECT_SERVER_SERVICES_{name.upper()}_{key.upper()}": f"{services[name][key]:g}"
        for name in ("task_run_recorder", "event_persister")
        for key in ("batch_size", "read_batch_size", "flush_interval")
    }
    expected = {k: v for k, v in read_server_settings().items() if k in shown}
    assert len(expected) == 6
    # What the environment says wins.
    expected["PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE"] = "123"
    assert shown == expected
    assert server["analytics_enabled"] is False
    assert server["api"]["port"] == int(served.url.rpartition(":")[2])
    with closing(sqlite3.connect(database)) as tables:
        assert tables.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 50


def test_its_pages_reach_its_api_from_wherever_they_were_loaded(served: Served) -> None:
    address = served.get("/ui-settings")["api_url"]
    # Relative, so that a page that came through a tunnel asks through the tunnel.
    assert address == "/api"
    assert served.get(f"{address}/health") is True


def test_ctrl_c_ends_it_and_leaves_nothing(database: Path) -> None:
    server = Served("--database", f"sqlite:///{database}")
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    assert server.end(signal.SIGINT) == (0, "")
    assert [pid for pid in children.split() if Path(f"/proc/{pid}").exists()] == []
    with pytest.raises(urllib.error.URLError):
        server.get("/api/health")


def test_a_database_that_cannot_be_reached_is_told_with_exit_code_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"postgresql://prefect@127.0.0.1:{port}/prefect"
    ran = subprocess.run(
        [sys.executable, "-m", "flows", "server", "--port", "0", "--database", url],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ran.returncode == 1
    assert "ready" not in ran.stdout
    assert "error: expected Prefect's server to start, it did not" in ran.stderr


def test_a_port_that_is_taken_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["server", "--port", str(port)]) == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in capsys.readouterr().err


def test_another_kind_of_database_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["server", "--port", "0", "--database", "mysql://here/prefect"]) == 2
    assert "found one that starts with 'mysql'" in capsys.readouterr().err


def test_a_port_in_the_environment_has_to_be_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_SERVER_API_PORT", "http")
    assert run(["server"]) == 2
    assert "PREFECT_SERVER_API_PORT: expected the number of a port" in capsys.readouterr().err
