"""Finds the Python that an environment is made from: this one, another on the PATH, or uv's."""

import shutil
import subprocess
import sys
from dataclasses import dataclass

from tasks.core.errors import ConfigError
from tasks.lock_files import Lock

_ANSWER_S = 30.0


@dataclass(frozen=True, slots=True)
class BaseInterpreter:
    """A Python to make an environment from; `python` is a path, or a version that uv fetches."""

    version: str
    python: str


def find_interpreter(lock: Lock) -> BaseInterpreter:
    """Find a Python that the lock is for, this one before all others.

    Raises:
        ConfigError: there is none.
    """
    this = f"{sys.version_info.major}.{sys.version_info.minor}"
    if this in lock.pythons:
        return BaseInterpreter(this, sys.executable)
    for version in reversed(lock.pythons):
        path = shutil.which(f"python{version}")
        if path is not None and _is_version(path, version):
            return BaseInterpreter(version, path)
    if shutil.which("uv") is not None:
        return BaseInterpreter(lock.pythons[-1], lock.pythons[-1])
    raise ConfigError(
        f"environment {lock.name} needs Python {' or '.join(lock.pythons)}, found {this} only; "
        f"install Python {lock.pythons[-1]} so that `python{lock.pythons[-1]}` starts it, "
        "or install uv, which fetches one"
    )


def _is_version(path: str, version: str) -> bool:
    """Ask it, since a launcher of that name may have nothing to launch."""
    try:
        answer = subprocess.run(  # noqa: S603 — an interpreter that the user's PATH names
            [path, "-I", "--version"], capture_output=True, text=True, timeout=_ANSWER_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and answer.stdout.startswith(f"Python {version}.")
