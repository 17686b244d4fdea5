"""The environments in a cache folder: which there are, and their removal while nobody needs them.

A folder is ours where a builder has left its mark, in it or beside it. One that is held
(`tasks.environments.holding`), or that is being built, stays.
"""

import fcntl
import os
import re
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tasks.environments import (
    MARKER,
    building_lock,
    environments_folder,
    is_whole,
    remove_folder,
)

_NAME = re.compile(r".+-[0-9a-f]{12}")


class Use(StrEnum):
    """Why an environment stays, or that nothing keeps it."""

    UNUSED = "unused"
    IN_USE = "in use"
    BEING_BUILT = "being built"
    UNKNOWN = "cannot be locked here, so perhaps in use"


@dataclass(frozen=True, slots=True)
class KeptEnvironment:
    """An environment that was built, or begun; `built` is in seconds since 1970."""

    folder: Path
    whole: bool
    use: Use
    size_bytes: int
    built: float


def kept_environments(cache_dir: Path) -> tuple[KeptEnvironment, ...]:
    """Find the environments of a cache folder, by name; links and foreign folders are left out."""
    root = environments_folder(cache_dir)
    if root.is_symlink() or not root.is_dir():
        return ()
    found: list[KeptEnvironment] = []
    for folder in sorted(filter(_is_ours, root.iterdir())):
        with suppress(FileNotFoundError):  # another removal was faster
            found.append(_look_at(folder))
    return tuple(found)


def remove_environment(environment: KeptEnvironment) -> Use:
    """Remove an environment; anything but `UNUSED` says why it was left alone.

    Raises:
        OSError: a part of it cannot be removed; what is left is not whole.
    """
    with _locked_for_removal(environment.folder) as use:
        if use is Use.UNUSED:
            remove_folder(environment.folder)
    return use


def _look_at(folder: Path) -> KeptEnvironment:
    with _locked_for_removal(folder) as use:
        marker = folder / MARKER
        dated = marker if marker.is_file() else folder
        built = dated.stat().st_mtime
    return KeptEnvironment(folder, is_whole(folder), use, _size_bytes(folder), built)


def _is_ours(folder: Path) -> bool:
    return (
        _NAME.fullmatch(folder.name) is not None
        and folder.is_dir()
        and not folder.is_symlink()
        and ((folder / MARKER).is_file() or building_lock(folder).is_file())
    )


@contextmanager
def _locked_for_removal(folder: Path) -> Generator[Use]:
    """Lock out users and builders; what is yielded tells whether that was possible."""
    with ExitStack() as stack:
        yield _lock(folder, stack)


def _lock(folder: Path, stack: ExitStack) -> Use:
    places = (
        (folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, Use.IN_USE),
        (building_lock(folder), os.O_RDWR | os.O_CREAT, Use.BEING_BUILT),
    )
    for path, flags, taken in places:
        try:
            descriptor = os.open(path, flags | os.O_CLOEXEC, 0o644)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return taken
        except OSError:
            return Use.UNKNOWN
    return Use.UNUSED


def _size_bytes(folder: Path) -> int:
    """Add up the files of an environment; what goes meanwhile has no size."""
    total = 0
    for _, _, names, descriptor in os.fwalk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_size
    return total
