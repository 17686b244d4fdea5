"""Targets on a node: the evaluator's file where the node sees it, else a copy named by its digest.

Neither is used before its digest has been taken, on the node itself. A copy arrives in parts and
has its name only once it is whole.
"""

import hashlib
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from tasks.cluster.recipe import TargetsAt
from tasks.core.errors import TargetError

_STALE_S = 24 * 3600.0


def copy_path(cache_dir: Path, sha256: str) -> Path:
    """Return where a node keeps a copy of targets."""
    return cache_dir / "node-targets" / f"{sha256}.h5"


def find_targets(wanted: TargetsAt, cache_dir: Path) -> Path | None:
    """Return a file of the wanted content, None if this node has none; reads it whole."""
    for path in (Path(wanted.path), copy_path(cache_dir, wanted.sha256)):
        if _is_wanted(path, wanted):
            return path
    return None


class Arrival:
    """A copy of targets that is being received."""

    def __init__(self, wanted: TargetsAt, cache_dir: Path) -> None:
        self._wanted = wanted
        self._path = copy_path(cache_dir, wanted.sha256)
        self._digest = hashlib.sha256()
        self._received = 0
        self._file: IO[bytes] | None = None

    def take(self, offset: int, part: bytes) -> Path | None:
        """Take the next part; return the file once it is whole.

        Raises:
            TargetError: it does not become what is wanted, or cannot be written.
        """
        if offset != self._received:
            raise TargetError(
                f"expected targets from byte {self._received} on, found byte {offset}; try again"
            )
        try:
            file = self._file = self._file or self._begin()
            file.write(part)
            self._digest.update(part)
            self._received += len(part)
            return self._finish(file) if self._received >= self._wanted.size_bytes else None
        except OSError as error:
            raise TargetError(
                f"cannot keep targets in {self._path.parent}: {error}; make room there, or give a "
                "cache folder that every node can write"
            ) from error

    def drop(self) -> None:
        """Remove what has arrived and is not whole."""
        file, self._file = self._file, None
        if file is not None:
            file.close()
            Path(file.name).unlink(missing_ok=True)

    def _begin(self) -> IO[bytes]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        _clear(self._path.parent)
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=".arriving-")
        os.close(descriptor)
        return Path(name).open("wb")

    def _finish(self, file: IO[bytes]) -> Path:
        file.flush()
        os.fsync(file.fileno())
        found = self._digest.hexdigest()
        if found != self._wanted.sha256:
            self.drop()
            raise TargetError(
                f"expected targets of sha256 {self._wanted.sha256}, received {found}; the file "
                f"{self._wanted.path} was changed meanwhile: start again"
            )
        Path(file.name).replace(self._path)
        file.close()
        self._file = None
        return self._path


def _is_wanted(path: Path, wanted: TargetsAt) -> bool:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size != wanted.size_bytes:
                return False
            return hashlib.file_digest(file, "sha256").hexdigest() == wanted.sha256
    except OSError:
        return False


def _clear(folder: Path) -> None:
    """Remove what a node that was lost has left unfinished."""
    for path in folder.glob(".arriving-*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE_S:
                path.unlink()
