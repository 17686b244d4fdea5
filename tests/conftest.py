"""What tests of several folders share: a Prefect server, a small benchmark, a counting endpoint."""

import asyncio
import json
import math
import os
import shutil
import socket
import sqlite3
import struct
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import Request, Response
from fastapi.responses import JSONResponse

from flows.config import EvalConfig, prepare_prefect, validate
from tasks.core.records import Given, Problem
from tasks.dataset import load_problems
from tasks.endpoint.answers import Answer, StepBook, reference_answers
from tasks.endpoint.replies import completion, read_request
from tasks.endpoint.server import EmbeddedServer, create_app
from tasks.targets import write_targets

GATE_S = 60.0
DATABASE = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
OWN_VARIABLES = ("SCICODE_FLOWS_", "PREFECT_", "OPENAI_")


def pytest_configure(config: pytest.Config) -> None:
    """Keep every file that Prefect and the cache write out of the user's home.

    Prefect reads its settings when it is imported, which is before any fixture runs.
    """
    home = Path(tempfile.mkdtemp(prefix="scicode-flows-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    for name in [name for name in os.environ if name.startswith(OWN_VARIABLES)]:
        del os.environ[name]
    os.environ["PREFECT_HOME"] = str(home / "prefect")
    os.environ["XDG_CACHE_HOME"] = str(home / "cache")
    os.environ["HOME"] = str(home)
    prepare_prefect()
    # What a flow of the last test logs would be sent when the server has ended already.
    os.environ["PREFECT_LOGGING_TO_API_ENABLED"] = "false"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = os.environ["XDG_CACHE_HOME"]
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    yield
    os.environ["XDG_CACHE_HOME"] = before


@pytest.fixture(scope="session")
def prefect_api() -> Iterator[str]:
    """One Prefect server for the whole session; flows in this process use it.

    The servers which the program embeds have a database of their own, since two servers on one
    file hold each other up, but find its tables made: making them takes far longer than a test.
    """
    from prefect.server.api.server import SubprocessASGIServer
    from prefect.settings import PREFECT_API_URL, temporary_settings

    home = Path(os.environ["PREFECT_HOME"])
    home.mkdir(exist_ok=True)
    os.environ[DATABASE] = f"sqlite+aiosqlite:///{home / 'session.db'}"
    server = SubprocessASGIServer()
    server.start(timeout=120)
    del os.environ[DATABASE]
    own, embedded = (sqlite3.connect(home / name) for name in ("session.db", "prefect.db"))
    with closing(own), closing(embedded):
        own.backup(embedded)
    try:
        with temporary_settings({PREFECT_API_URL: server.api_url}):
            yield server.api_url
    finally:
        server.stop()


@pytest.fixture
def evaluate(prefect_api: str) -> Callable[[EvalConfig], dict[str, Any]]:
    """Run the real flow in this process and return the content of metrics.json."""
    del prefect_api
    from flows.evaluation import evaluate

    return lambda config: asyncio.run(evaluate(config))


def sub_step(step_id: str, header: str, gold: str, cases: list[str]) -> dict[str, object]:
    """Return one sub-step in SciCode's schema; one line of code as gold."""
    return {
        "step_number": step_id,
        "step_description_prompt": f"Describe {step_id}.",
        "step_background": f"Background of {step_id}.",
        "function_header": header,
        "return_line": "    return result",
        "test_cases": cases,
        "ground_truth_code": f"{header}\n    {gold}",
    }


SMALL_PROBLEMS: list[dict[str, object]] = [
    {
        "problem_id": "1",
        "problem_name": "powers_of_two",
        "required_dependencies": "import math",
        "sub_steps": [
            sub_step("1.1", "def double(x):", "return 2 * x", ["assert double(3) == target"]),
            sub_step(
                "1.2",
                "def quadruple(x):",
                "return double(double(x))",
                ["assert quadruple(3) == target", "assert quadruple(0.5) == target"],
            ),
            sub_step(
                "1.3", "def octuple(x):", "return 2 * quadruple(x)", ["assert octuple(3) == target"]
            ),
        ],
    },
    {
        "problem_id": "2",
        "problem_name": "greetings",
        "required_dependencies": "",
        "sub_steps": [
            sub_step("2.1", "def greet(name):", "return 'hello ' + name", []),
            sub_step(
                "2.2",
                "def greet_twice(name):",
                "return [greet(name), greet(name)]",
                ["assert greet_twice('x')[1] == target"],
            ),
        ],
    },
]
# double(3), quadruple(3) and (0.5), octuple(3), the second greeting of x.
SMALL_TARGETS: dict[str, list[object]] = {
    "1.1": [6],
    "1.2": [12, 2.0],
    "1.3": [24],
    "2.2": ["hello x"],
}


def write_small(folder: Path) -> Path:
    """Write the small benchmark: 2 problems, 4 scored sub-steps, 1 given one."""
    folder.mkdir()
    file = folder / "problems.jsonl"
    file.write_text("".join(json.dumps(problem) + "\n" for problem in SMALL_PROBLEMS))
    write_targets(folder / "targets.h5", SMALL_TARGETS)
    return file


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return the small benchmark's problem file, with targets beside it."""
    return write_small(tmp_path / "small")


@pytest.fixture(scope="session")
def shared_small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a problem file of the small benchmark that no test changes."""
    return write_small(tmp_path_factory.mktemp("shared") / "small")


@pytest.fixture
def small_problems(small: Path) -> tuple[Problem, ...]:
    """Return the problems of the small file."""
    return load_problems(small, upstream=None, given=Given.WHOLE).problems


class Endpoint:
    """An OpenAI-compatible endpoint of known answers that notes what it is asked.

    `prompts` holds every request that reached it. A request waits for `delay_s` and until
    `gate(prompt)` is true; from `refuse_from` requests on the key is refused, and the requests
    whose numbers are in `drop` lose their connection in the middle of the answer. The prompts for
    which `fail` holds are answered by status 500.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.prompts: list[str] = []
        self.keys: set[str] = set()
        self.in_flight = 0
        self.delay_s = 0.0
        self.gate: Callable[[str], bool] | None = None
        self.refuse_from: int | None = None
        self.overflow: Callable[[str], bool] | None = None
        self.drop: set[int] = set()
        self.fail: Callable[[str], bool] | None = None
        self._answers = reference_answers(problems)
        self._app = create_app({"reference": StepBook(problems, self._answers)})
        self._app.middleware("http")(self._watch)
        self._server = EmbeddedServer(self._app)

    @property
    def base_url(self) -> str:
        """Return the address for a client."""
        return self._server.base_url

    @property
    def counts(self) -> Counter[str]:
        """Count the requests of every prompt."""
        return Counter(self.prompts)

    def answer(self, answers: Mapping[str, str]) -> None:
        """Answer these sub-steps with these texts from now on."""
        self._answers.update(answers)

    def __enter__(self) -> "Endpoint":
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.gate = None
        self._server.__exit__(None, None, None)

    async def _watch(
        self, request: Request, answer: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        chat = read_request(await request.body())
        if chat is None:
            return await answer(request)
        number = len(self.prompts)
        self.prompts.append(chat.prompt)
        self.keys.add(request.headers.get("authorization", ""))
        self.in_flight += 1
        try:
            await asyncio.sleep(self.delay_s)
            await self._pass_gate(chat.prompt)
        finally:
            self.in_flight -= 1
        if self.refuse_from is not None and number >= self.refuse_from:
            return JSONResponse({"error": {"message": "Incorrect API key provided"}}, 401)
        if self.overflow is not None and self.overflow(chat.prompt):
            message = "This model's maximum context length is 8 tokens."
            return JSONResponse({"error": {"message": message, "code": None}}, 400)
        if self.fail is not None and self.fail(chat.prompt):
            return JSONResponse({"error": {"message": "out of memory"}}, 500)
        if number in self.drop:
            return Response(b"", headers={"content-length": "1000"})
        return await answer(request)

    async def _pass_gate(self, prompt: str) -> None:
        deadline = time.monotonic() + GATE_S
        while time.monotonic() < deadline:
            if self.gate is None or self.gate(prompt):
                return
            await asyncio.sleep(0.02)


@pytest.fixture
def endpoint(small_problems: tuple[Problem, ...]) -> Iterator[Endpoint]:
    """Serve the small benchmark's gold code as the model `reference`."""
    with Endpoint(small_problems) as served:
        yield served


@pytest.fixture
def small_config(small: Path, endpoint: Endpoint, tmp_path: Path) -> Callable[..., EvalConfig]:
    """Make the configuration of an evaluation of the small benchmark; settings can be changed."""

    def make(**changes: object) -> EvalConfig:
        settings = {
            "dataset": str(small),
            "model": "reference",
            "base_url": endpoint.base_url,
            "output": tmp_path / "run",
            "cache_dir": tmp_path / "kept",
            "request_retries": 0,
            "workers": 2,
        }
        return validate(EvalConfig, {**settings, **changes})

    return make


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run of the small benchmark with 2 repeats, and the same command once more.

    `prompts` and `keys` are what the endpoint saw during the first, `lines` its generations;
    everything that both wrote lies below `folder`.
    """

    folder: Path
    output: Path
    secret: str
    keys: frozenset[str]
    prompts: tuple[str, ...]
    lines: tuple[dict[str, Any], ...]
    record: dict[str, Any]
    document: dict[str, Any]
    again: dict[str, Any]
    asked_again: int


@pytest.fixture(scope="session")
def finished_run(prefect_api: str, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """Evaluate the small benchmark twice; tests read it, and write nothing there."""
    del prefect_api
    from flows.evaluation import evaluate

    folder = tmp_path_factory.mktemp("finished")
    file, output = write_small(folder / "small"), folder / "run"
    secret = "sk-0a1b2c3d4e5f6071"  # noqa: S105 - invented
    os.environ["FINISHED_RUN_KEY"] = secret
    with Endpoint(load_problems(file, upstream=None, given=Given.WHOLE).problems) as endpoint:
        settings = {
            "dataset": str(file),
            "model": "reference",
            "base_url": endpoint.base_url,
            "api_key_env": "FINISHED_RUN_KEY",
            "output": output,
            "cache_dir": folder / "kept",
            "repeats": 2,
            "temperature": 0.5,
            "workers": 2,
        }
        config = validate(EvalConfig, settings)
        document = asyncio.run(evaluate(config))
        prompts, keys = tuple(endpoint.prompts), frozenset(endpoint.keys)
        lines = (output / "generations.jsonl").read_text().splitlines()
        record = json.loads((output / "run.json").read_text())
        again = asyncio.run(evaluate(config))
        asked_again = len(endpoint.prompts) - len(prompts)
    del os.environ["FINISHED_RUN_KEY"]
    return FinishedRun(
        folder=folder,
        output=output,
        secret=secret,
        keys=keys,
        prompts=prompts,
        lines=tuple(map(json.loads, lines)),
        record=record,
        document=document,
        again=again,
        asked_again=asked_again,
    )


@pytest.fixture
def read_lines() -> Callable[[Path], list[dict[str, Any]]]:
    """Read a JSON-lines file."""
    return lambda path: [json.loads(line) for line in path.read_text().splitlines()]


class FileServer:
    """An HTTP server of files held in memory, which can misbehave.

    `requests` holds path and Range of every request. The next answers to a path have the statuses
    of `statuses`, then end after the numbers of bytes in `cuts`; afterwards it behaves. With `hold`
    a connection stays open after the last byte, until the server ends.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.statuses: dict[str, list[int]] = {}
        self.cuts: dict[str, list[int]] = {}
        self.content_type = "application/octet-stream"
        self.honours_range = True
        self.wrong_range: str | None = None
        self.says_length = True
        self.claimed_length: int | None = None
        self.hold = False
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _FileHandler)
        self._server.daemon_threads = True
        cast(Any, self._server).owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """Return the address, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "FileServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _FileHandler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        owner: FileServer = cast(Any, self.server).owner
        owner.requests.append((self.path, self.headers.get("Range")))
        statuses, content = owner.statuses.get(self.path, []), owner.files.get(self.path)
        if statuses or content is None:
            self.send_response(statuses.pop(0) if statuses else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = 0
        if (asked := self.headers.get("Range")) and owner.honours_range:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content) > 0:
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            place = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.send_header("Content-Range", owner.wrong_range or place)
        if owner.says_length:
            length = owner.claimed_length or len(content) - start
            self.send_header("Content-Length", str(length))
        self.send_header("Content-Type", owner.content_type)
        self.end_headers()
        cuts = owner.cuts.get(self.path, [])
        self.wfile.write(content[start : start + cuts.pop(0)] if cuts else content[start:])
        if owner.hold:
            self.wfile.flush()
            owner.released.wait(60)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's
        pass


@pytest.fixture
def file_server() -> Iterator[FileServer]:
    """Serve files from memory on loopback."""
    with FileServer() as server:
        yield server


@dataclass(slots=True)
class Asked:
    """A request as the faulty endpoint saw it; `fault` names what it got, if not just its answer.

    `name` is the one that it carries: sub-step, repeat, digest and number of the try. `in_flight`
    counts the requests under way when it came, with itself.
    """

    name: str
    prompt: str
    in_flight: int
    came_s: float
    fault: str | None = None
    answered: bool = False
    ended_s: float | None = None

    @property
    def generation(self) -> tuple[str, int]:
        """Sub-step and repeat."""
        step_id, repeat = self.name.split("/")[:2]
        return step_id, int(repeat)

    @property
    def tries(self) -> int:
        """The number of the try, from 1."""
        return int(self.name.rpartition("/")[2])


class _HungUpError(Exception):
    """The connection of a request ends here."""


PAGE = "<!DOCTYPE html><html><head><title>Bad gateway</title></head><body>nginx</body></html>"
# Status, headers and body of what comes instead of an answer; None: an error as an API shapes it.
REFUSALS: dict[str, tuple[int, dict[str, str], str | None]] = {
    **{str(n): (n, {}, None) for n in (400, 401, 403, 404, 408, 409, 429, 500, 503, 504, 529)},
    "429 seconds": (429, {"Retry-After": "1"}, None),
    "429 date": (429, {"Retry-After": "in 1 s"}, None),
    "429 ms": (429, {"Retry-After-Ms": "300", "Retry-After": "60"}, None),
    "429 tomorrow": (429, {"Retry-After": "86400"}, None),
    "502 page": (502, {}, PAGE),
    "page": (200, {}, PAGE),
    "invalid json": (200, {}, "{'choices': [}"),
    "empty body": (200, {}, ""),
    "empty choices": (200, {}, json.dumps({"object": "chat.completion", "choices": []})),
    "error inside": (200, {}, json.dumps({"error": {"message": "busy", "code": 503}})),
}
# Answers that are answers in spite of it.
ODD_ANSWERS = {
    *("wrong type", "byte by byte", "usage missing", "usage zero", "usage null"),
    *("null content", "cut off"),
}
BROKEN_ANSWERS = {"truncated json", "finish error", "finish abort"}
BROKEN_CONNECTIONS = {
    *("refused", "dropped", "cut", "reset", "silent", "headers only", "endless bytes"),
}


class FaultyEndpoint:
    """An OpenAI-compatible endpoint of known answers that fails in every way, as a plan says.

    `plan` names the fault of a request, None for its answer. `record` holds the requests as they
    came; an answer takes `delay_s`. "refused" closes the port for `closed_s`.
    """

    faults = (*REFUSALS, *ODD_ANSWERS, *BROKEN_ANSWERS, *BROKEN_CONNECTIONS)

    def __init__(self, problems: Sequence[Problem] = ()) -> None:
        self.plan: Callable[[Asked], str | None] = lambda _: None
        self.record: list[Asked] = []
        self.delay_s = 0.0
        self.closed_s = 0.3
        self.port = 0
        self._book = StepBook(problems, reference_answers(problems))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle: set[asyncio.StreamWriter] = set()
        self._readers: dict[asyncio.StreamWriter, asyncio.StreamReader] = {}
        self._under_way = 0

    @property
    def base_url(self) -> str:
        """Return the address for a client."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def met(self) -> Counter[str]:
        """Count the faults that happened."""
        return Counter(asked.fault for asked in self.record if asked.fault is not None)

    @property
    def answered(self) -> Counter[tuple[str, int]]:
        """Count the whole answers to every sub-step and repeat."""
        return Counter(asked.generation for asked in self.record if asked.answered)

    def unfinished(self, at_s: float, first: int = 0) -> set[tuple[str, int]]:
        """Return what of the requests from that number on was not answered yet at that time."""
        asked = self.record[first:]
        return {a.generation for a in asked if a.ended_s is None or a.ended_s >= at_s}

    def __enter__(self) -> "FaultyEndpoint":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(GATE_S)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(GATE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        """Refuse connections for a while; those without a request end too."""
        if self._server is not None:
            self._server.close()
            self._server = None
            for writer in self._idle:
                writer.close()
            await asyncio.sleep(self.closed_s)
            await self._open()

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Connections close in the next round of the loop.
        await asyncio.sleep(0.01)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._begin(self._converse(reader, writer))

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._readers[writer] = reader
        try:
            while self._server is not None:
                self._idle.add(writer)
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self._idle.discard(writer)
                lines = (line.partition(": ") for line in head.splitlines()[1:])
                headers = {name.lower(): value for name, _, value in lines}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                await self._take(head.split()[1], headers, body, writer)
        except (ConnectionError, asyncio.IncompleteReadError, _HungUpError):
            pass
        finally:
            self._idle.discard(writer)
            del self._readers[writer]
            writer.close()

    async def _take(
        self, path: str, headers: Mapping[str, str], body: bytes, writer: asyncio.StreamWriter
    ) -> None:
        chat = read_request(body)
        if path != "/v1/chat/completions" or chat is None:
            await send(writer, 404, {}, json.dumps({"detail": "Not Found"}))
            return
        self._under_way += 1
        name = headers.get("x-client-request-id", "")
        asked = Asked(name, chat.prompt, self._under_way, time.monotonic())
        self.record.append(asked)
        try:
            asked.fault = self.plan(asked)
            await asyncio.sleep(self.delay_s)
            answer = self._book.answer(chat.prompt) or Answer("fine")
            await self._reply(asked, cast("dict[str, Any]", completion(chat, answer)), writer)
        finally:
            self._under_way -= 1
            asked.ended_s = time.monotonic()

    async def _reply(
        self, asked: Asked, reply: dict[str, Any], writer: asyncio.StreamWriter
    ) -> None:
        fault = asked.fault or ""
        if fault in REFUSALS:
            status, headers, text = REFUSALS[fault]
            await send(writer, status, dated(headers), refused(status) if text is None else text)
        elif fault in BROKEN_CONNECTIONS:
            await self._fail(fault, json.dumps(reply).encode(), writer)
        else:
            text = json.dumps(altered(reply, fault))
            kind = "text/plain" if fault == "wrong type" else "application/json"
            text = text[: len(text) // 2] if fault == "truncated json" else text
            pause_s = 0.0005 if fault == "byte by byte" else 0.0
            asked.answered = fault not in BROKEN_ANSWERS
            await send(writer, 200, {"Content-Type": kind}, text, pause_s)

    async def _fail(self, fault: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        if fault == "refused":
            self._begin(self._shut())
        if fault == "reset":
            # Closing then sends RST instead of FIN.
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        if fault in ("cut", "headers only", "endless bytes"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        if fault == "cut":
            writer.write(body[: len(body) // 2])
        await writer.drain()
        while fault in ("silent", "headers only", "endless bytes"):
            if self._readers[writer].at_eof():
                break
            writer.write(b" " if fault == "endless bytes" else b"")
            await asyncio.sleep(0.01)
        raise _HungUpError


def dated(headers: Mapping[str, str]) -> dict[str, str]:
    """Fill in the date of a second from now, in the whole seconds that HTTP has."""
    date = formatdate(math.ceil(time.time()) + 1, usegmt=True)
    return {name: date if value == "in 1 s" else value for name, value in headers.items()}


def refused(status: int) -> str:
    """Return an error as OpenAI shapes it."""
    return json.dumps({"error": {"message": f"fault {status}", "type": "fault", "code": None}})


def altered(reply: dict[str, Any], fault: str) -> dict[str, Any]:
    """Make a reply odd."""
    choice = reply["choices"][0]
    changes: dict[str, Callable[[], object]] = {
        "usage missing": lambda: reply.pop("usage"),
        "usage zero": lambda: reply.update(usage=dict.fromkeys(reply["usage"], 0)),
        "usage null": lambda: reply.update(usage=None),
        "null content": lambda: choice["message"].update(content=None),
        "cut off": lambda: choice.update(message={"content": "Let me"}, finish_reason="length"),
        "finish error": lambda: choice.update(finish_reason="error"),
        "finish abort": lambda: choice.update(finish_reason="abort"),
    }
    changes.get(fault, dict)()
    return reply


async def send(
    writer: asyncio.StreamWriter,
    status: int,
    headers: Mapping[str, str],
    text: str,
    pause_s: float = 0.0,
) -> None:
    """Send a whole response, byte by byte with pauses between."""
    body = text.encode()
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    data = ("\r\n".join(lines) + "\r\n\r\n").encode() + body
    for part in [data[i : i + 1] for i in range(len(data))] if pause_s else [data]:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(pause_s)


@pytest.fixture
def faulty(small_problems: tuple[Problem, ...]) -> Iterator[FaultyEndpoint]:
    """Serve the small benchmark's gold code, with whatever faults the test plans."""
    with FaultyEndpoint(small_problems) as served:
        yield served
