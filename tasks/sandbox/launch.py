"""Starts the interpreter of one child, in its own session, directory and environment."""

import os
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from tasks.core.errors import SandboxError
from tasks.sandbox.exit_watch import ExitWatch

# What a child is confined by from its first instruction on.
LAYERS = ("session", "environment")

_MODULE = ("-I", "-X", "utf8", "-W", "ignore", "-m", "tasks.sandbox.child")
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
    """The Python that runs children, and what their environment holds besides the fixed names."""

    python: str
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Launched:
    """A process that waits for its job, and the three descriptors to follow it by."""

    process: subprocess.Popen[bytes]
    channel: socket.socket
    errors: IO[bytes]
    watch: ExitWatch


def launch(interpreter: Interpreter, folder: Path) -> Launched:
    """Start a child with `folder` as its working directory and home.

    The child dies with the thread that calls this, so that is no passing worker thread.

    Raises:
        SandboxError: the interpreter cannot be started or followed.
    """
    channel, theirs = socket.socketpair()
    channel.settimeout(0.0)
    with theirs:
        try:
            process = _spawn(interpreter, folder, theirs.fileno())
        except OSError as error:
            channel.close()
            raise SandboxError(
                f"cannot start the sandbox's interpreter {interpreter.python}: {error}; "
                "give the path of a Python that has this package installed"
            ) from error
    errors = cast("IO[bytes]", process.stderr)
    os.set_blocking(errors.fileno(), False)
    return Launched(process, channel, errors, _follow(process))


def _spawn(interpreter: Interpreter, folder: Path, descriptor: int) -> subprocess.Popen[bytes]:
    home = {"HOME": str(folder), "TMPDIR": str(folder)}
    return subprocess.Popen(  # noqa: S603 — our own module, in the configured interpreter
        [interpreter.python, *_MODULE, str(descriptor)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd=folder,
        env={**_ENVIRONMENT, **interpreter.environment, **home},
        pass_fds=(descriptor,),
        start_new_session=True,
    )


def _follow(process: subprocess.Popen[bytes]) -> ExitWatch:
    try:
        return ExitWatch(process.pid)
    except OSError as error:
        process.kill()
        process.wait()
        raise SandboxError(
            f"cannot watch child {process.pid}: {error}; the sandbox needs Linux 5.3 or macOS"
        ) from error
