"""The name of an environment -> the Python that runs programs, built when it is first needed.

An environment is a virtual environment in the cache folder, named for what its lock file pins.
Only a file that is written last makes it whole: what a killed build left is built anew.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path

from tasks.core.errors import SandboxError
from tasks.core.records import Environment
from tasks.installing import install, name_installer
from tasks.interpreters import BaseInterpreter, find_interpreter
from tasks.lock_files import CURRENT, Lock, find_lock, read_lock

_MARKER = "environment-is-whole"


def prepare_environment(name: str, cache_dir: Path, announce: Callable[[str], None]) -> Environment:
    """Find the Python of an environment, or build it; this blocks for as long as that takes.

    Args:
        name: `current`, one of ours, or the path of a lock file.
        cache_dir: holds what is built, in its folder `environments`.
        announce: gets a line for a person when a build starts and when it has ended.

    Raises:
        ConfigError: there is no such environment, or no Python to build it from.
        SandboxError: it cannot be built.
    """
    if name == CURRENT:
        return _current_environment()
    lock, base, environment = _locate(name, cache_dir)
    folder = _folder(environment)
    try:
        if not _is_whole(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            _build(lock, base, folder, announce)
    except OSError as error:
        raise SandboxError(
            f"cannot make environment {lock.name} in {folder}: {error}; "
            "make room there, or choose another cache folder"
        ) from error
    return environment


def find_environment(name: str, cache_dir: Path) -> Environment | None:
    """Find the Python of an environment; None where it has not been built yet.

    Raises:
        ConfigError: there is no such environment, or no Python to build it from.
    """
    if name == CURRENT:
        return _current_environment()
    _, _, environment = _locate(name, cache_dir)
    return environment if _is_whole(_folder(environment)) else None


def _locate(name: str, cache_dir: Path) -> tuple[Lock, BaseInterpreter, Environment]:
    lock = read_lock(find_lock(name))
    base = find_interpreter(lock)
    sha256 = lock.sha256(base.version)
    folder = cache_dir.expanduser().absolute() / "environments" / f"{lock.name}-{sha256[:12]}"
    return lock, base, Environment(lock.name, str(_python(folder)), sha256)


def _folder(environment: Environment) -> Path:
    return Path(environment.python).parents[1]


def _current_environment() -> Environment:
    installed = {f"{found.metadata['Name']}=={found.version}".lower() for found in distributions()}
    text = "\n".join((*sorted(installed), f"python=={platform.python_version()}"))
    return Environment(CURRENT, sys.executable, hashlib.sha256(text.encode()).hexdigest())


def _build(
    lock: Lock, base: BaseInterpreter, folder: Path, announce: Callable[[str], None]
) -> None:
    with _alone(folder, announce) as held:
        if _is_whole(folder):
            return
        began = time.monotonic()
        announce(
            f"building environment {lock.name} (Python {base.version}, {len(lock.pins)} packages) "
            f"with {name_installer()} in {folder}"
        )
        _remove(folder)
        try:
            install(lock, base, folder, held)
            (folder / _MARKER).write_text(f"{lock.path.name}\n", encoding="utf-8")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        announce(f"environment {lock.name} is ready after {time.monotonic() - began:.0f} s")


@contextmanager
def _alone(folder: Path, announce: Callable[[str], None]) -> Generator[int]:
    """Wait until nobody else builds there; installers that outlive their builder count."""
    descriptor = os.open(f"{folder}.building", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            announce(f"waiting for another build of {folder}")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _is_whole(folder: Path) -> bool:
    """Whether a build was completed, and the Python that it was made from is still there."""
    return (folder / _MARKER).is_file() and os.access(_python(folder), os.X_OK)


def _remove(folder: Path) -> None:
    # First of all, lest an interrupted removal leave it looking whole.
    (folder / _MARKER).unlink(missing_ok=True)
    if folder.exists():
        shutil.rmtree(folder)


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"
