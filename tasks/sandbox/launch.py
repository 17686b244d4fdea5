"""Starts interpreters of the sandbox, each in a session, a folder and an environment of its own."""

import asyncio
import os
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, cast

from tasks.core.errors import SandboxError
from tasks.sandbox.deaths import Death
from tasks.sandbox.exit_watch import ExitWatch
from tasks.sandbox.layers import Layer

# What a child is confined by from its first instruction on.
LAYERS = (Layer.SESSION, Layer.ENVIRONMENT)

_OPTIONS = ("-I", "-X", "utf8", "-W", "ignore")
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "MPLBACKEND": "Agg",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The Python that runs children, their code, and what their environment holds besides."""

    python: str
    bundle: Path
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Started:
    """A process with the code of the sandbox, and our ends of what connects us to it."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    errors: IO[bytes]
    watch: ExitWatch


class ChildProcess(Protocol):
    """A process that waits for its job, and what it can be followed and ended by."""

    channel: socket.socket
    errors: IO[bytes]
    exited: asyncio.Future[Death]

    def kill(self) -> None:
        """Kill it and its group; no harm if it has ended."""
        ...

    async def clear(self) -> None:
        """Take back everything; it has ended, or must not be waited for."""
        ...


def start(
    interpreter: Interpreter, role: str, theirs: socket.socket, folders: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start an interpreter that holds one end of a socket; `folders` are its variables for them.

    It dies with the thread that calls this, so that is no passing worker thread.

    Raises:
        SandboxError: the interpreter cannot be started.
    """
    command = [interpreter.python, *_OPTIONS, str(interpreter.bundle)]
    try:
        return subprocess.Popen(  # noqa: S603 — our own code, in the configured interpreter
            [*command, role, str(theirs.fileno()), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=folders["HOME"],
            env={**_ENVIRONMENT, **interpreter.environment, **folders},
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
    except OSError as error:
        raise SandboxError(
            f"cannot start the sandbox's interpreter {interpreter.python}: {error}; "
            "give the path of a Python of version 3.11 or later"
        ) from error


def follow(process: subprocess.Popen[bytes], channel: socket.socket) -> Started:
    """Make what an event loop needs to follow a process that has been started.

    Raises:
        SandboxError: the host does not let processes be watched.
    """
    channel.settimeout(0.0)
    errors = cast("IO[bytes]", process.stderr)
    os.set_blocking(errors.fileno(), False)
    try:
        watch = ExitWatch(process.pid)
    except OSError as error:
        process.kill()
        process.wait()
        raise SandboxError(
            f"cannot watch process {process.pid}: {error}; the sandbox needs Linux 5.3 or macOS"
        ) from error
    return Started(process, channel, errors, watch)
