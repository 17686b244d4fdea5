"""The Prefect server of a run on a machine where none is configured.

Prefect would start one by itself, as part of the terminal's foreground: Ctrl-C would end it before
the run could say how it ended, and `kill -9` would leave it behind. This one ignores the terminal
and dies with the run. `python -m flows.local_server PORT PARENT` is the server.
"""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager

from tasks.core.errors import EvalError
from tasks.sandbox.confinement import die_with

START_S = 120.0
STOP_S = 5.0


@contextmanager
def local_server(own_process: int) -> Generator[None]:
    """Make sure that flows called inside reach a server: the configured one, else our own.

    Raises:
        EvalError: our own server does not start, or the server fails the flows.
        KeyboardInterrupt: also where SIGTERM ends the run.
    """
    from prefect.settings import PREFECT_API_URL

    with _own_errors():
        if PREFECT_API_URL.value():
            yield
        else:
            with _own_server(own_process):
                yield


@contextmanager
def _own_errors() -> Generator[None]:
    """Translate what Prefect raises, which no caller knows."""
    import httpx
    from prefect.exceptions import PrefectException, TerminationSignal

    try:
        yield
    except TerminationSignal as error:
        raise KeyboardInterrupt from error
    except (httpx.HTTPError, PrefectException) as error:
        raise EvalError(
            f"expected the Prefect server to answer, found {type(error).__name__}: {error}; check "
            "that it runs, then start the same command again: what was generated is kept"
        ) from error


@contextmanager
def _own_server(own_process: int) -> Generator[None]:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    port = _free_port()
    command = [sys.executable, "-m", "flows.local_server", str(port), str(own_process)]
    server = subprocess.Popen(  # noqa: S603 - our own module
        command,
        start_new_session=True,
        # What it says while it is being stopped is no news of the run.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/api"
    try:
        _wait(server, url)
        with temporary_settings({PREFECT_API_URL: url}):
            yield
    finally:
        _stop(server)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(server: subprocess.Popen[bytes], url: str) -> None:
    """Wait until the server answers; the first start makes its database and takes longer."""
    deadline = time.monotonic() + START_S
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with opener.open(f"{url}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise EvalError(
        f"expected Prefect's own server to answer at {url} within {START_S:g} s, it did not; "
        "start one with `prefect server start` and set PREFECT_API_URL"
    )


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(timeout=STOP_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def main(port: int, parent: int) -> None:
    """Serve Prefect's API on loopback until the end of the parent, without its web pages."""
    die_with(parent)
    import uvicorn
    from prefect.server.api.server import create_app

    from flows.busy_database import patient

    uvicorn.run(
        patient(create_app(ephemeral=True)), host="127.0.0.1", port=port, log_level="critical"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
