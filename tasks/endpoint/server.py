"""generation, its other end: an OpenAI-compatible HTTP endpoint over books of known answers.

It serves the embedded models of the offline example and recorded runs. The generating side reaches
it through the ordinary client over HTTP and cannot tell it from a model's endpoint.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Self

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from tasks.core.caching import prompt_sha256
from tasks.core.errors import ProviderError
from tasks.core.records import FinishReason
from tasks.endpoint import replies
from tasks.endpoint.answers import Book
from tasks.endpoint.replies import ChatRequest, JsonObject
from tasks.listening import listen, url_of

_log = logging.getLogger(__name__)

_START_S = 30.0
_STOP_S = 5
_POLL_S = 0.005
_NAME_HEADER = "X-Client-Request-Id"
_MALFORMED = "expected a JSON object with a model and messages, one of them from the user"
_KEEP_ALIVE_S = 75  # longer than a client's own, so that the client is the one who hangs up


def create_app(books: Mapping[str, Book], *, any_model: bool = False) -> FastAPI:
    """Make the endpoint: one model for each book.

    Args:
        books: who answers, by model name.
        any_model: let a model name that has no book be answered by the first book that can.
    """
    app = FastAPI(openapi_url=None)

    async def list_models() -> JsonObject:
        rows = [
            {"id": name, "object": "model", "created": 0, "owned_by": "known"} for name in books
        ]
        return {"object": "list", "data": rows}

    async def health() -> dict[str, str]:
        return {"status": "ok"}

    async def chat_completions(request: Request) -> Response:
        chat = replies.read_request(await request.body())
        if chat is None:
            return JSONResponse(replies.error(_MALFORMED), 400)
        name = request.headers.get(_NAME_HEADER, "")
        if chat.model in books:
            return _respond(chat, name, [books[chat.model]])
        if any_model:
            return _respond(chat, name, books.values())
        return JSONResponse(_unknown_model(chat.model, books), 404)

    app.add_api_route("/v1/models", list_models, methods=["GET"])
    app.add_api_route("/health", health, methods=["GET"])
    app.add_api_route("/v1/chat/completions", chat_completions, methods=["POST"])
    return app


class EmbeddedServer:
    """Serves an app on a free loopback port for the length of a `with` block."""

    def __init__(self, app: FastAPI) -> None:
        """Bind the port, so that the address is known and nobody else can take it."""
        self._listener = listen("127.0.0.1", 0)
        self._server = uvicorn.Server(_config(app))
        # A daemon: an evaluation that ends without leaving the block must not hang on it.
        self._thread = threading.Thread(target=self._run, name="endpoint", daemon=True)

    @property
    def base_url(self) -> str:
        """The address for an OpenAI client."""
        return f"{url_of(self._listener)}/v1"

    def __enter__(self) -> Self:
        """Start answering, and return as soon as it does."""
        self._thread.start()
        deadline = time.monotonic() + _START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self._stop()
                raise ProviderError(
                    f"the embedded endpoint at {self.base_url} did not start within "
                    f"{_START_S:g} s; its log says why"
                )
            time.sleep(_POLL_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let running requests end and free the port."""
        self._stop()

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])

    def _stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=2 * _STOP_S)
        self._listener.close()


def serve_forever(
    app: FastAPI, host: str, port: int, announce: Callable[[str], None] | None = None
) -> None:
    """Serve an app until Ctrl-C or a request to end.

    Args:
        app: the endpoint.
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        announce: called with the base URL once the port is taken.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    with listen(host, port) as listener:
        if announce is not None:
            announce(f"{url_of(listener)}/v1")
        try:
            uvicorn.Server(_config(app)).run(sockets=[listener])
        except KeyboardInterrupt:
            _log.info("stopped by the keyboard")


def _respond(chat: ChatRequest, name: str, books: Iterable[Book]) -> Response:
    answers = (book.answer(chat.prompt, name) for book in books)
    answer = next((found for found in answers if found is not None), None)
    if answer is None:
        return JSONResponse(_no_answer(chat), 400)
    if answer.finish_reason is FinishReason.OVERLONG:
        message = "the prompt did not fit into the model's context when it was recorded"
        return JSONResponse(replies.error(message, "context_length_exceeded", "messages"), 400)
    if chat.stream:
        return StreamingResponse(replies.stream(chat, answer), media_type="text/event-stream")
    return JSONResponse(replies.completion(chat, answer))


def _unknown_model(model: str, books: Mapping[str, Book]) -> JsonObject:
    known = ", ".join(sorted(books))
    message = f"no model {model!r} here; this endpoint serves: {known}"
    return replies.error(message, "model_not_found", "model")


def _no_answer(chat: ChatRequest) -> JsonObject:
    message = (
        f"no answer is known to the prompt with sha256 {prompt_sha256(chat.prompt)}; check that "
        "dataset, prompt template, background and given code are those that the answers belong to"
    )
    return replies.error(message, "no_recorded_answer", "messages")


def _config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_STOP_S,
    )
