"""upstream -> dataset: brings one file into the data folder, whole and of the pinned sha256.

What came so far stands in `<file>.part` and is continued, by the next mirror or by the next
command; the file gets its name only once its hash holds. Bytes kept from elsewhere may be to blame
for a wrong hash, so a mirror is given up for one only when every byte was its own.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Protocol

from tasks.core.assets import Asset
from tasks.core.errors import ConfigError, DownloadError
from tasks.mirrors import Mirror, MirrorError

PART = ".part"

_HASHED_BYTES = 1 << 22
_LONGEST_WAIT_S = 30.0
# No file of ours is longer; a mirror that sends without end must not fill the disk.
_LONGEST_BYTES = 1 << 32


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a mirror is asked: `tries` in a row that each bring less than `worth_bytes`."""

    tries: int = 4
    wait_s: float = 1.0
    worth_bytes: int = 8 << 20


class Watch(Protocol):
    """Sees files being fetched and checked, one after another."""

    def file(self, name: str) -> None:
        """Tell which file is next."""
        ...

    def begin(self, doing: str, total_bytes: int | None, done_bytes: int) -> None:
        """Tell what begins and how much of it is done already."""
        ...

    def advance(self, number_bytes: int) -> None:
        """Tell that so many more bytes are done."""
        ...

    def note(self, text: str) -> None:
        """Tell what a person may want to know."""
        ...


def holds(asset: Asset, path: Path, watch: Watch) -> bool:
    """Whether the file is there and is the pinned one, by its whole hash."""
    if not path.is_file() or asset.size_bytes not in (None, path.stat().st_size):
        return False
    with path.open("rb", buffering=0) as file:
        return _sha256(file, watch) == asset.sha256


def part_of(path: Path) -> Path:
    """Return where the beginning of an unfinished file is kept."""
    return path.with_name(path.name + PART)


def fetch(
    asset: Asset, folder: Path, mirrors: Sequence[Mirror], patience: Patience, watch: Watch
) -> str:
    """Bring a file into the folder and return the label of the mirror that completed it.

    Raises:
        DownloadError: no mirror has it; the message says what was wrong with each.
        ConfigError: the folder cannot be written.
    """
    path = folder / asset.name
    failures: list[str] = []
    with _part_file(part_of(path)) as file:
        transfer = _Transfer(asset, file, patience, watch)
        for mirror in mirrors:
            try:
                transfer.run(mirror)
            except MirrorError as error:
                failures.append(f"  {mirror.label}: {error}")
                if not error.absent:
                    watch.note(f"{asset.name}: {mirror.label}: {error}")
                continue
            os.fsync(file.fileno())
            part_of(path).replace(path)
            return mirror.label
    raise DownloadError(_all_failed(asset, path, failures))


class _Transfer:
    """One file, continuing what is in the `.part` file."""

    def __init__(self, asset: Asset, file: FileIO, patience: Patience, watch: Watch) -> None:
        self._asset = asset
        self._file = file
        self._patience = patience
        self._watch = watch

    def run(self, mirror: Mirror) -> None:
        """Fetch the rest from one mirror and check the whole.

        Raises:
            MirrorError: the mirror does not have the file.
        """
        if self._size > (self._asset.size_bytes or _LONGEST_BYTES):
            self._file.truncate(0)
        foreign = self._size > 0
        if foreign and self._asset.size_bytes is None and self._hash() == self._asset.sha256:
            return
        self._receive_patiently(mirror)
        found = self._hash()
        if found != self._asset.sha256 and foreign:
            self._watch.note(f"{self._asset.name}: what was kept of it is damaged, starting again")
            self._file.truncate(0)
            self._receive_patiently(mirror)
            found = self._hash()
        if found != self._asset.sha256:
            self._file.truncate(0)
            raise MirrorError(f"expected sha256 {self._asset.sha256}, found {found}")

    @property
    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def _hash(self) -> str:
        return _sha256(self._file, self._watch)

    def _receive_patiently(self, mirror: Mirror) -> None:
        """Receive until all is there; a try that brought enough is not held against it."""
        failed = 0
        while self._size != self._asset.size_bytes:
            before = self._size
            try:
                return self._receive(mirror)
            except MirrorError as error:
                if error.discard:
                    self._file.truncate(0)
                failed = 1 if self._size - before >= self._patience.worth_bytes else failed + 1
                if not error.again or failed >= self._patience.tries:
                    raise
                wait_s = max(error.wait_s, self._patience.wait_s * 2 ** (failed - 1))
                time.sleep(min(wait_s, _LONGEST_WAIT_S))
        return None

    def _receive(self, mirror: Mirror) -> None:
        """Append what comes; bytes before the end of the file are passed over."""
        have, size_bytes = self._size, self._asset.size_bytes
        with mirror.open(have, size_bytes) as stream:
            total = stream.total_bytes or size_bytes
            self._watch.begin("fetching", total, stream.start)
            position = stream.start
            for chunk in stream.chunks:
                new = chunk[max(0, have - position) :]
                self._append(new)
                position += len(chunk)
                self._watch.advance(len(chunk))
                if position > (total or _LONGEST_BYTES):
                    self._file.truncate(0)
                    raise MirrorError(f"it does not end after {total or _LONGEST_BYTES} bytes")
        if total is not None and position < total:
            raise MirrorError(f"ended after {position} of {total} bytes", again=True)

    def _append(self, chunk: bytes) -> None:
        self._file.seek(0, os.SEEK_END)
        left = memoryview(chunk)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise DownloadError(
                f"{self._asset.name}: cannot write more than {self._size} bytes: "
                f"{error.strerror or error}; make room in the data folder, then start the same "
                "command again: it goes on from there"
            ) from error


@contextmanager
def _part_file(path: Path) -> Generator[FileIO]:
    """Open the `.part` file for one process at a time; an empty one does not stay."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        file = path.open("r+b", buffering=0)
    except OSError as error:
        raise ConfigError(
            f"expected to write {path}, found: {error.strerror or error}; give --data-dir a folder "
            "that can be written"
        ) from error
    with file:
        _lock(file, path)
        try:
            yield file
        finally:
            # After a success the name is gone.
            if path.exists() and path.stat().st_size == 0:
                path.unlink()


def _lock(file: FileIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Another process may have finished and renamed the file that was opened here.
        if os.path.samestat(path.stat(), os.fstat(file.fileno())):
            return
    except (BlockingIOError, FileNotFoundError):
        pass
    raise DownloadError(f"another process is fetching {path}; wait until it has ended")


def _sha256(file: FileIO, watch: Watch) -> str:
    """Hash a whole file, from its start."""
    watch.begin("checking", os.fstat(file.fileno()).st_size, 0)
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(_HASHED_BYTES):
        digest.update(chunk)
        watch.advance(len(chunk))
    return digest.hexdigest()


def _all_failed(asset: Asset, path: Path, failures: Sequence[str]) -> str:
    expected = f"{asset.name}: expected a copy with sha256 {asset.sha256}, found none"
    remark = f"  {asset.remark}\n" if asset.remark else ""
    if not failures:
        return f"{expected} named {' or '.join(asset.other_names)}; put it there\n{remark}".rstrip()
    kept = f" (what came so far is kept in {part_of(path)})" if part_of(path).exists() else ""
    return (
        f"{expected}:\n" + "\n".join(failures) + f"\n{remark}  try again later{kept}, or put the "
        "file into a folder and give it with --from FOLDER"
    )
