"""Makes a pool's temporary folder, and removes those whose owners were killed.

An owner holds a lock on a file in its folder for as long as it lives; the kernel lets go of it
however the owner ends. The file gets its name only once it is locked, so that a folder without one
is never mistaken for a dead owner's.
"""

import fcntl
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from tasks.sandbox.removal import remove_tree

_PREFIX = "sandbox-"
_LOCK = "owner"


def make_owned_folder() -> tuple[Path, int]:
    """Make a folder; answer with the descriptor, too, by which this process owns it.

    Raises:
        OSError: there is no room for it.
    """
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    lock: int | None = None
    try:
        lock = os.open(folder / f"{_LOCK}.new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / f"{_LOCK}.new").rename(folder / _LOCK)
    except OSError:
        if lock is not None:
            os.close(lock)
        remove_tree(folder)
        raise
    return folder, lock


def remove_abandoned_folders() -> None:
    """Remove this user's folders whose owners are dead, as far as the system permits."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            _remove_if_abandoned(folder)


def _remove_if_abandoned(folder: Path) -> None:
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(directory).st_uid != os.geteuid():
            return
        lock = os.open(_LOCK, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
    finally:
        os.close(directory)
    try:
        # Raises where the owner lives, or where another process is removing the folder.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_nlink:
            remove_tree(folder)
    finally:
        os.close(lock)
