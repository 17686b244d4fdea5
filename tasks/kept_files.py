"""Files that are kept under a digest, one after the other: to be listed, read or removed.

Only names that we give ourselves are ours, `<folder>/<64 hex>.json` and the temporary files of
their writers. Every folder is opened without following a link and names are looked up in what was
opened, so that nothing outside of the cache folder is touched, whatever is moved meanwhile.
"""

import os
import re
import stat
from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum, StrEnum
from pathlib import Path

_HEX = "[0-9a-f]"
_ENTRY = re.compile(rf"{_HEX}{{64}}\.json")
# As `tasks.durable_files.replacing` names them.
_TEMPORARY = re.compile(rf"\.{_HEX}{{64}}\.json-[a-z0-9_]{{8}}")
# An entry is in the folder of its first two digits.
_PREFIX_LENGTH = 2
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A pipe that somebody put there must not be waited for.
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Store(Enum):
    """A folder of the cache folder that holds such files, by the names of the folders in it."""

    GENERATIONS = ("generations", f"{_HEX}{{2}}", "generations")
    VERDICTS = ("verdicts", f"{_HEX}{{2}}", "verdicts")
    UNCONFINED_VERDICTS = ("verdicts-unconfined", f"{_HEX}{{2}}", "verdicts, unconfined")
    COSTS = ("costs", f"{_HEX}{{12}}", "costs of programs")
    TARGET_DIGESTS = ("targets", None, "digests of targets")

    def __init__(self, folder: str, inner: str | None, words: str) -> None:
        self.folder = folder
        self.inner = None if inner is None else re.compile(inner)
        self.words = words


class Kind(StrEnum):
    """What a name stands for."""

    ENTRY = "entry"
    UNFINISHED = "unfinished"  # the temporary file of a writer, or what a killed one left
    FOREIGN = "foreign"  # not ours: never read, never removed


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that was found; it can be read and removed until the next one is asked for.

    `written` is the time of its last change in seconds since 1970, `folder` the descriptor of the
    folder that it is in.
    """

    kind: Kind
    name: str
    size_bytes: int
    written: float
    inode: int
    folder: int

    @property
    def digest(self) -> str:
        """The digest that an entry is kept under."""
        return self.name.removesuffix(".json")

    def read(self) -> str:
        """Read the text.

        Raises:
            OSError, ValueError: it is gone, cannot be read, or is no text.
        """
        descriptor = os.open(self.name, _FILE_FLAGS, dir_fd=self.folder)
        with os.fdopen(descriptor, encoding="utf-8") as file:
            return file.read()

    def remove(self) -> bool:
        """Remove the file, at once; a file that took its place meanwhile stays.

        Raises:
            OSError: it may not be removed.
        """
        try:
            found = os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
            if (found.st_ino, found.st_mtime) != (self.inode, self.written):
                return False
            os.unlink(self.name, dir_fd=self.folder)
        except FileNotFoundError:
            return False
        return True


def kept_files(cache_dir: Path, store: Store) -> Generator[KeptFile]:
    """Find the files of a store, in no order; what is not ours is named as foreign.

    Memory does not grow with their number. The folders that they are in are never removed: a
    writer that has just made sure of one would fail.

    Raises:
        OSError: a folder cannot be read.
    """
    try:
        above = os.open(cache_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        yield from _in_store(above, store)
    finally:
        os.close(above)


def _in_store(above: int, store: Store) -> Generator[KeptFile]:
    found = _look_up(above, store.folder)
    if found is None:
        return
    root = _open_folder(above, store.folder)
    if root is None:
        yield _kept(Kind.FOREIGN, store.folder, found, above)
        return
    try:
        if store.inner is None:
            yield from _in_folder(root, "")
        else:
            yield from _in_folders(root, store.inner)
    finally:
        os.close(root)


def _in_folders(root: int, pattern: re.Pattern[str]) -> Generator[KeptFile]:
    for name in os.listdir(root):
        found = _look_up(root, name)
        if found is None:
            continue
        folder = _open_folder(root, name) if pattern.fullmatch(name) else None
        if folder is None:
            yield _kept(Kind.FOREIGN, name, found, root)
            continue
        try:
            yield from _in_folder(folder, name if len(name) == _PREFIX_LENGTH else "")
        finally:
            os.close(folder)


def _in_folder(folder: int, prefix: str) -> Generator[KeptFile]:
    for name in os.listdir(folder):
        found = _look_up(folder, name)
        if found is not None and not _is_lock(name):
            yield _kept(_kind(name, found, prefix), name, found, folder)


def _kind(name: str, found: os.stat_result, prefix: str) -> Kind:
    if not stat.S_ISREG(found.st_mode) or not name.removeprefix(".").startswith(prefix):
        return Kind.FOREIGN
    if _ENTRY.fullmatch(name):
        return Kind.ENTRY
    return Kind.UNFINISHED if _TEMPORARY.fullmatch(name) else Kind.FOREIGN


def _is_lock(name: str) -> bool:
    """Whether it is an empty file that `tasks.cost_store` locks: ours, but not to be removed."""
    return name.endswith(".lock")


def _kept(kind: Kind, name: str, found: os.stat_result, folder: int) -> KeptFile:
    return KeptFile(kind, name, found.st_size, found.st_mtime, found.st_ino, folder)


def _look_up(folder: int, name: str) -> os.stat_result | None:
    """Look at a name itself, not at what a link points to; None if it has just gone."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _open_folder(above: int, name: str) -> int | None:
    """Open a folder; None for a link, a file, and what may not be opened."""
    try:
        return os.open(name, _FOLDER_FLAGS, dir_fd=above)
    except OSError:
        return None
