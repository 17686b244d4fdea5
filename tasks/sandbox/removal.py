"""Removes the directory of a child, whatever the child made of it.

A plain recursive removal gives up on directories without permissions, on nesting deeper than the
interpreter's stack and on paths longer than the kernel takes.
"""

import os
import secrets
from collections.abc import Iterator
from itertools import count
from pathlib import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def remove_tree(root: Path) -> None:
    """Delete a directory and everything in it, as far as the system permits at all.

    Each directory's subdirectories move up beside it before it goes, so neither the depth of the
    tree nor the length of a path matters, and two open descriptors are enough.

    Raises:
        OSError: something in it could not be removed.
    """
    token = secrets.token_hex(8)
    names = (f"{token}-{number}" for number in count())
    root.chmod(0o700)
    top = os.open(root, _DIRECTORY)
    try:
        pending = _clear_files(top)
        while pending:
            pending += _dissolve(top, pending.pop(), names)
    finally:
        os.close(top)
    root.rmdir()


def _dissolve(top: int, name: str, names: Iterator[str]) -> list[str]:
    """Delete one directory directly under `top`; its subdirectories move there."""
    os.chmod(name, 0o700, dir_fd=top)
    directory = os.open(name, _DIRECTORY, dir_fd=top)
    moved: list[str] = []
    try:
        for child in _clear_files(directory):
            # To move a directory is to write its parent entry.
            os.chmod(child, 0o700, dir_fd=directory)
            moved.append(next(names))
            os.rename(child, moved[-1], src_dir_fd=directory, dst_dir_fd=top)
    finally:
        os.close(directory)
    os.rmdir(name, dir_fd=top)
    return moved


def _clear_files(directory: int) -> list[str]:
    """Delete what is no directory; answer with the names of what is."""
    with os.scandir(directory) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_directory in found:
        if not is_directory:
            os.unlink(name, dir_fd=directory)
    return [name for name, is_directory in found if is_directory]
