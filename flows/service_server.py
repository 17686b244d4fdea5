"""Listens, starts and stops the verifier service.

The port answers from the beginning: /healthz says `starting` while the dataset is read. A signal
closes it; what runs may end within the grace, a second signal ends it at once.
"""

import asyncio
import contextlib
import math
import signal
import socket
from collections.abc import Callable, Generator

import uvicorn

from flows.service import VerifierService
from flows.service_app import create_app
from flows.service_config import ServiceConfig, read_token
from tasks.listening import listen, url_of

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_KEEP_ALIVE_S = 75  # longer than a client's own, so that the client is the one who hangs up
_CONNECTIONS = 512
# The grace is ours; uvicorn's own ends what does not even stop then.
_LAST_RESORT_S = 5


def serve_verifier(config: ServiceConfig, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; no child survives.

    Args:
        config: the service's settings.
        announce: called with a line for the user when the port is taken, and when all is ready.

    Raises:
        ConfigError: the address cannot be listened on, or needs a token.
        EvalError: the service cannot be started.
    """
    token = read_token(config)
    with listen(config.host, config.port) as listener:
        asyncio.run(_serve(config, token, listener, announce))


async def _serve(
    config: ServiceConfig,
    token: str | None,
    listener: socket.socket,
    announce: Callable[[str], None],
) -> None:
    service = VerifierService(config)
    server = _Server(_uvicorn_config(service, token, config.grace_s))
    _stop_on_signals(service, server, config.grace_s)
    announce(f"starting at {url_of(listener)} (Ctrl-C ends)")
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    running = asyncio.create_task(service.run())
    ready = asyncio.create_task(_announce_ready(service, announce))
    try:
        await asyncio.wait({serving, running}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
    finally:
        ready.cancel()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def _announce_ready(service: VerifierService, announce: Callable[[str], None]) -> None:
    await service.started.wait()
    _, about = service.health()
    announce(
        f"ready: dataset {about.get('dataset')}, {about.get('problems')} problems, "
        f"{about.get('isolation')}"
    )


def _stop_on_signals(service: VerifierService, server: uvicorn.Server, grace_s: float) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True
        service.stop()
        loop.call_later(grace_s, service.aborted.set)

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop)


class _Server(uvicorn.Server):
    """Leaves signals to us: uvicorn would raise them again, and so end us before our children."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def _uvicorn_config(service: VerifierService, token: str | None, grace_s: float) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(service, token),
        loop="asyncio",
        # The other one hangs up on a caller who is refused while still sending.
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=math.ceil(grace_s) + _LAST_RESORT_S,
    )
