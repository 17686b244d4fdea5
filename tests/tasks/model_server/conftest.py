"""A small model server, a real process that misbehaves as it is told, and what it leaves behind."""

import os
import sys
import time
from pathlib import Path

import pytest

from tasks.model_server.server import ModelServer, Pace

PATIENCE_S = 30.0
# Options: late=S never exit=N deaf children models=NAMES no-models health=STATUS warm=S say=TEXT
SOURCE = '''
import json, os, signal, subprocess, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer

port, pids, *options = sys.argv[1:]
told = dict(option.partition("=")[::2] for option in options)
SLEEP = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
ORPHAN = """import subprocess, sys
quiet = {"stdout": subprocess.DEVNULL, "start_new_session": True}
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], **quiet)
print(child.pid)"""


def note(pid):
    with open(pids, "a") as file:
        file.write(f"{pid}\\n")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = 404, {}
        if self.path == "/v1/models" and "no-models" not in told:
            names = told.get("models", "tiny").split(",")
            status, body = 200, {"object": "list", "data": [{"id": name} for name in names]}
        elif self.path == "/health":
            status = int(told.get("health", 404))
            if "warm" in told:
                status = 200 if time.monotonic() > START + float(told["warm"]) else 503
        elif self.path == "/die":
            os._exit(3)
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


note(os.getpid())
print("loading", flush=True)
print(told.get("say", ""), file=sys.stderr, flush=True)
if "deaf" in told:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "children" in told:
    note(subprocess.Popen([sys.executable, "-c", SLEEP]).pid)
    note(subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True).pid)
    # Its parent has ended, and it has left the group and the session.
    note(subprocess.check_output([sys.executable, "-c", ORPHAN, SLEEP], text=True).strip())
if "exit" in told:
    print("cannot load", flush=True)
    sys.exit(int(told["exit"]))
if "never" in told:
    time.sleep(600)
time.sleep(float(told.get("late", 0)))
START = time.monotonic()
HTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
'''


class Bench:
    """Model servers for one test, with the processes that they started and the lines noted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "server.log"
        self.pid_file = folder / "pids"
        self.script = folder / "served.py"
        self.script.write_text(SOURCE)
        self.notes: list[str] = []

    def command(self, *options: str) -> str:
        """Write the command of a server with these options."""
        words = [sys.executable, str(self.script), "{port}", str(self.pid_file), *options]
        return " ".join(words)

    def server(self, *options: str, timeout_s: float = PATIENCE_S) -> ModelServer:
        """Make a server that is quick to give up."""
        return self.of(self.command(*options), timeout_s)

    def of(
        self, command: str, timeout_s: float = PATIENCE_S, checkpoint: Path | None = None
    ) -> ModelServer:
        """Make a server of any command."""
        folder, note = checkpoint or self.folder, self.notes.append
        server = ModelServer(command, folder, "tiny", self.log, timeout_s, note)
        server.pace = Pace(grace_s=0.4, ask_every_s=0.05, note_every_s=0.2)
        return server

    def pids(self) -> list[int]:
        """Return every process that the server has told of, itself first."""
        told = self.pid_file.read_text() if self.pid_file.exists() else ""
        return list(map(int, told.split()))

    def keeper(self) -> int:
        """Return the process that holds the server."""
        return int(Path(f"/proc/{self.pids()[0]}/stat").read_text().rpartition(")")[2].split()[1])

    def note_keeper(self) -> None:
        """Count the keeper among the processes that must end."""
        keeper = self.keeper()
        with self.pid_file.open("a") as file:
            file.write(f"{keeper}\n")

    def living(self) -> list[int]:
        """Return those that have not ended."""
        return [pid for pid in self.pids() if is_alive(pid)]

    def wait_for_end(self) -> None:
        """Wait until none of them is left."""
        deadline = time.monotonic() + PATIENCE_S
        while living := self.living():
            assert time.monotonic() < deadline, living
            time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process exists and is no zombie that init has not yet fetched."""
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Model servers that write into the test's folder."""
    return Bench(tmp_path)
