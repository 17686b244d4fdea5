"""The name of an environment -> the Python that runs programs, built when it is first needed.

An environment is a virtual environment in the cache folder, named for what its lock file pins; one
that lies in our own installation, as in a container's image, is used from there.
Only a file that is written last makes it whole: what a killed build left is built anew. Who runs
programs in it holds it meanwhile by a lock on its folder, so that nobody removes it.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from importlib.metadata import distributions
from pathlib import Path

from tasks.core.errors import SandboxError
from tasks.core.records import Environment
from tasks.installing import install, name_installer
from tasks.interpreters import BaseInterpreter, find_interpreter
from tasks.lock_files import CURRENT, Lock, find_lock, read_lock

MARKER = "environment-is-whole"
"""The file of an environment that was built to its end."""


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
    folder = folder_of(environment)
    try:
        if not is_whole(folder):
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
    return environment if is_whole(folder_of(environment)) else None


@contextmanager
def holding(environment: Environment) -> Generator[bool]:
    """Keep an environment from being removed; false if that has happened already.

    One that is being removed is waited for, about a second. `current` is not ours to remove.
    """
    if environment.python == sys.executable:
        yield True
        return
    folder = folder_of(environment)
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield False
        return
    try:
        # Where a file system has no locks, nothing is removed either.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield is_whole(folder) and folder.stat().st_ino == os.fstat(descriptor).st_ino
    finally:
        os.close(descriptor)


def environments_folder(cache_dir: Path) -> Path:
    """Return the folder of everything that is built."""
    return cache_dir.expanduser().absolute() / "environments"


def is_whole(folder: Path) -> bool:
    """Whether a build was completed, and the Python that it was made from is still there."""
    return (folder / MARKER).is_file() and os.access(_python(folder), os.X_OK)


def building_lock(folder: Path) -> Path:
    """Return the file that a builder of an environment locks; it stays where it is."""
    return Path(f"{folder}.building")


def remove_folder(folder: Path) -> None:
    """Remove an environment, whole or not."""
    # First of all, lest an interrupted removal leave it looking whole.
    (folder / MARKER).unlink(missing_ok=True)
    if folder.exists():
        shutil.rmtree(folder)


def folder_of(environment: Environment) -> Path:
    """Return the folder that an environment was built in."""
    return Path(environment.python).parents[1]


def _locate(name: str, cache_dir: Path) -> tuple[Lock, BaseInterpreter, Environment]:
    lock = read_lock(find_lock(name))
    base = find_interpreter(lock)
    sha256 = lock.sha256(base.version)
    name = f"{lock.name}-{sha256[:12]}"
    installed = environments_folder(Path(sys.prefix)) / name
    folder = installed if is_whole(installed) else environments_folder(cache_dir) / name
    return lock, base, Environment(lock.name, str(_python(folder)), sha256)


def _current_environment() -> Environment:
    installed = {f"{found.metadata['Name']}=={found.version}".lower() for found in distributions()}
    text = "\n".join((*sorted(installed), f"python=={platform.python_version()}"))
    return Environment(CURRENT, sys.executable, hashlib.sha256(text.encode()).hexdigest())


def _build(
    lock: Lock, base: BaseInterpreter, folder: Path, announce: Callable[[str], None]
) -> None:
    with _alone(folder, announce) as held:
        if is_whole(folder):
            return
        began = time.monotonic()
        announce(
            f"building environment {lock.name} (Python {base.version}, {len(lock.pins)} packages) "
            f"with {name_installer()} in {folder}"
        )
        remove_folder(folder)
        try:
            install(lock, base, folder, held)
            (folder / MARKER).write_text(f"{lock.path.name}\n", encoding="utf-8")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        announce(f"environment {lock.name} is ready after {time.monotonic() - began:.0f} s")


@contextmanager
def _alone(folder: Path, announce: Callable[[str], None]) -> Generator[int]:
    """Wait until nobody else builds there; installers that outlive their builder count."""
    descriptor = os.open(building_lock(folder), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            announce(f"waiting for another build of {folder}")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"
