"""Runs an ASGI server until a signal: the Prefect server of `scicode-flows server`.

Import it only when the environment is complete: Prefect reads its settings then.
"""

import contextlib
import signal
import socket
from collections.abc import Callable, Generator

import uvicorn
from prefect.server.api.server import create_app
from starlette.types import ASGIApp

from flows.busy_database import patient
from tasks.core.errors import EvalError

_KEEP_ALIVE_S = 75  # longer than a client's own, so that the client is the one who hangs up
# Workers, runs and pages hold connections open that they never close.
_STOP_S = 3


def serve_prefect(
    listener: socket.socket, ready: Callable[[], None], app: ASGIApp | None = None
) -> None:
    """Serve Prefect's API and web pages until SIGINT or SIGTERM.

    Args:
        listener: where to serve.
        ready: called when the database is up to date and requests are answered.
        app: serve this around Prefect's own application, `prefect_app`.

    Raises:
        EvalError: the server does not start; its log says why.
    """
    config = uvicorn.Config(
        app or prefect_app(),
        log_level="warning",
        access_log=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_STOP_S,
    )
    server = _Server(config, ready)
    # Its own exit code for a failed start means something else here.
    with contextlib.suppress(SystemExit):
        server.run(sockets=[listener])
    if not server.started:
        raise EvalError(
            "expected Prefect's server to start, it did not: see its messages above; check that "
            "the database answers, and that no newer Prefect has used it"
        )


def prefect_app() -> ASGIApp:
    """Make Prefect's application."""
    return patient(create_app(final=True))


class _Server(uvicorn.Server):
    """Tells when it answers, and takes a signal as the wish to end and not as an accident."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
        yield
