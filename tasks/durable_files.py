"""Files that are whole or absent: of a run directory, and of everything kept between runs.

A reader, another writer or a power cut never sees half of one. What is kept may be lost: a file
that cannot be read is passed over with a warning, and its content made anew.
"""

import logging
import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

from tasks.core.errors import ConfigError

T = TypeVar("T")

_log = logging.getLogger(__name__)


def read_kept(path: Path, parse: Callable[[str], T]) -> T | None:
    """Read a file that was kept; None, with a warning, if it is there but cannot be read.

    Args:
        path: the file.
        parse: reads the text strictly, and raises for anything that is not exactly ours.
    """
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        _log.warning("passing over the unreadable %s: %r", path, error)
        return None


def keep(path: Path, text: str, what: str, *, durable: bool = True) -> None:
    """Write a file that is to be found by later runs, for its owner alone, making its folder.

    Args:
        path: the file; an older one is replaced at once. A folder of its name is moved aside.
        text: its content.
        what: names the content in the error.
        durable: wait until it is on the disk. Without, a power cut may leave an empty file.

    Raises:
        ConfigError: the folder cannot be written.
    """
    try:
        _make_folder(path.parent)
        if path.is_dir() and not path.is_symlink():
            _move_aside(path)
        with replacing(path, durable=durable) as file:
            file.write(text.encode())
    except OSError as error:
        raise ConfigError(
            f"cannot keep {what} in {path}: {error}; make room there, or give a folder that can "
            "be written"
        ) from error


@contextmanager
def replacing(path: Path, *, mode: int = 0o600, durable: bool = True) -> Generator[IO[bytes]]:
    """Write a file that takes the place of another once it is whole and on the disk."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), mode)
            if durable:
                os.fsync(file.fileno())
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
    if durable:
        _sync_folder(path.parent)


def _move_aside(folder: Path) -> None:
    """Free a name that a folder has, which no file can take, and lose nothing that is in it."""
    aside = tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-folder-")
    _log.warning("moving the folder %s, where a file belongs, to %s", folder, aside)
    try:
        folder.rename(aside)
    except (FileNotFoundError, IsADirectoryError):
        # Another writer was first, and may have put its file there already.
        Path(aside).rmdir()


def _make_folder(folder: Path) -> None:
    """Make a folder whose name outlives a power cut, as its files do."""
    if folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
