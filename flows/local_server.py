"""Prefect's own server for a run on this machine, where no other one is configured.

Prefect itself starts it at its first need, and in the terminal's foreground group: Ctrl-C ends it
before the flow has told it that the run was interrupted, and the run ends in a traceback.
"""

import signal
import threading
from contextlib import suppress
from contextvars import copy_context

from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import PREFECT_API_URL


def start_local_server() -> None:
    """Start the server out of the reach of Ctrl-C, unless another one is configured."""
    if PREFECT_API_URL.value():
        return
    # A thread of its own: a child inherits the signals that its starter blocks, and Ctrl-C still
    # reaches the main thread, which waits here.
    thread = threading.Thread(target=copy_context().run, args=(_start,), daemon=True)
    thread.start()
    thread.join()


def _start() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    # A flow that finds no server starts one itself, and says why it cannot.
    with suppress(RuntimeError, OSError):
        SubprocessASGIServer().start()
