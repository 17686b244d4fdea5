"""Servers that others wrote, each a process in an environment of its own.

An environment is one that the user names by its interpreter, or is built from the pinned
requirements beside this file; that takes minutes once, and pytest's cache keeps it.
"""

import asyncio
import fcntl
import hashlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tasks.budget import Budget
from tasks.chat import ChatClient
from tasks.core.model_settings import EndpointSettings, ModelSettings
from tasks.core.records import Generation
from tasks.patience import Patience, PatientClient
from tasks.request_gate import RequestGate, RequestLimits
from tasks.stop_signal import StopSignal

HERE = Path(__file__).parent
START_S = 180.0
STOP_S = 20.0
LAST_CHARS = 3000


@dataclass(frozen=True, slots=True)
class Served:
    """A server that answers: its root, a key that it takes, and the file it logs to."""

    root: str
    key: str
    log: Path

    @property
    def base_url(self) -> str:
        """Return the address for a client."""
        return f"{self.root}/v1"

    def ask(self, prompt: str, settings: ModelSettings, **endpoint: Any) -> Generation:
        """Ask through the program's own client.

        `endpoint` may hold settings of the endpoint, another `key`, and a number of `retries`.
        """
        (generation,) = self.ask_all([prompt], settings, **endpoint)
        return generation

    def ask_all(
        self, prompts: Sequence[str], settings: ModelSettings, **endpoint: Any
    ) -> list[Generation]:
        """Ask for all of these at once."""
        key, retries = endpoint.pop("key", self.key), endpoint.pop("retries", 0)
        asked = EndpointSettings(**{"base_url": self.base_url, **endpoint})

        async def gather() -> list[Generation]:
            stop, client = StopSignal(), ChatClient(asked, key)
            gate, unlimited = RequestGate(RequestLimits(), stop), Budget(None, None, None)
            patience = Patience(retries, first_wait_s=0.2)
            patient = PatientClient(client, patience, gate, unlimited, stop)
            try:
                return await asyncio.gather(*(patient.ask(p, settings, "test") for p in prompts))
            finally:
                await client.aclose()

        return asyncio.run(gather())


@dataclass(frozen=True, slots=True)
class Program:
    """How a server is started, in a folder; `{port}` in an argument is where it shall listen."""

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@pytest.fixture(scope="session")
def llama(
    interpreter: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Serve a small random model by llama-cpp-python, with a context of 3072 tokens."""
    python, folder = interpreter("llama"), tmp_path_factory.mktemp("llama")
    model = folder / "tiny.gguf"
    subprocess.run([python, HERE / "tiny_model.py", model], check=True)
    settings = {"model": model, "model_alias": "tiny", "n_ctx": 3072, "n_threads": 1}
    settings |= {"api_key": "sk-of-the-llama", "host": "127.0.0.1", "port": "{port}"}
    options = [text for name, value in settings.items() for text in (f"--{name}", str(value))]
    program = Program([str(python), "-m", "llama_cpp.server", *options], folder)
    with serving(program, "sk-of-the-llama", "/v1/models") as served:
        yield served


@pytest.fixture(scope="session")
def litellm(
    interpreter: Callable[[str], Path], llama: Served, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Serve litellm's proxy: fixed texts and errors, and the random model behind it."""
    python, folder = interpreter("litellm"), tmp_path_factory.mktemp("litellm")
    for name in ("litellm.yaml", "proxy_keys.py"):
        shutil.copy(HERE / name, folder)
    command = [str(python.with_name("litellm")), "--config", "litellm.yaml", "--telemetry", "False"]
    command += ["--host", "127.0.0.1", "--port", "{port}"]
    # The proxy's price table is its own copy; a limit counts the requests of 5 seconds.
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_RATE_LIMIT_WINDOW_SIZE": "5"}
    environment |= {"LLAMA_URL": llama.base_url, "LLAMA_KEY": llama.key}
    program = Program(command, folder, environment)
    with serving(program, "sk-open", "/health/liveliness") as served:
        # Its first answer takes a second, in which it imports things.
        served.ask("hello", ModelSettings("mock", "litellm"))
        yield served


@pytest.fixture(scope="session")
def interpreter(pytestconfig: pytest.Config) -> Callable[[str], Path]:
    """Return the interpreter of a server's environment, which is built where none is named."""

    def find(name: str) -> Path:
        variable = f"THIRD_PARTY_{name.upper()}"
        if named := os.environ.get(variable):
            return Path(named)
        requirements = HERE / f"{name}.txt"
        content = requirements.read_bytes() + sys.version.encode()
        digest = hashlib.sha256(content).hexdigest()[:12]
        folder = pytestconfig.cache.mkdir(f"third-party-{name}-{digest}")
        python, complete = folder / "environment" / "bin" / "python", folder / "complete"
        # Another worker may want the same one.
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not complete.exists():
                _build(python, requirements, variable)
                complete.touch()
        return python

    return find


def _build(python: Path, requirements: Path, variable: str) -> None:
    # The tests have a home of their own, without the user's settings of pip.
    environment = {**os.environ, "HOME": pwd.getpwuid(os.getuid()).pw_dir}
    del environment["XDG_CACHE_HOME"]
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(python.parents[1])],
        [str(python), "-m", "pip", "install", "--quiet", "-r", str(requirements)],
    ):
        made = subprocess.run(command, capture_output=True, text=True, env=environment)
        if made.returncode:
            said = (made.stdout + made.stderr)[-LAST_CHARS:]
            pytest.fail(
                f"{requirements.name} could not be installed: {said}\n"
                f"name the interpreter of an environment that has it in {variable}"
            )


@contextmanager
def serving(program: Program, key: str, ready: str) -> Iterator[Served]:
    """Start a server on a free port of this machine and stop it at the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    served = Served(f"http://127.0.0.1:{port}", key, program.folder / "server.log")
    # Nothing of the user's environment, so that no key, proxy or setting of theirs counts.
    environment = {"PATH": os.defpath, "HOME": str(program.folder), **program.environment}
    command = [argument.format(port=port) for argument in program.command]
    with (
        served.log.open("wb") as log,
        subprocess.Popen(
            command, cwd=program.folder, env=environment, stdout=log, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            _wait(process, served, ready)
            yield served
        finally:
            _stop(process)


def _wait(process: subprocess.Popen[bytes], served: Served, ready: str) -> None:
    deadline = time.monotonic() + START_S
    with httpx.Client(trust_env=False, headers={"authorization": f"Bearer {served.key}"}) as http:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                if http.get(f"{served.root}{ready}").is_success:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.2)
    pytest.fail(f"the server did not start: {served.log.read_text()[-LAST_CHARS:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
