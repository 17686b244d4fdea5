"""Builds a file tree that holds nothing but what may be read: the mount namespace's layer.

Needs a mount namespace of its own and the right to mount in it. The new tree is a small file
system in memory, with the readable paths attached read-only where they are in the old one. So its
user need not be able to pass through the folders above them, as through root's home.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tasks.sandbox import kernel
from tasks.sandbox.readable import WRITABLE_DEVICES, Readable

_TREE_BYTES = 64 * 2**20
_HARMLESS = kernel.MS_NOSUID | kernel.MS_NODEV


@dataclass(frozen=True, slots=True)
class Sources:
    """What a tree will hold, taken hold of by a user who can reach it.

    `opened` are real paths with open descriptors, `links` are symbolic links with their targets.
    """

    opened: Mapping[str, int]
    links: tuple[tuple[Path, str], ...]
    hidden: tuple[str, ...]


def open_sources(readable: Readable) -> Sources:
    """Take hold of what the tree will hold; in the mount namespace that it will be in."""
    opened: dict[str, int] = {}
    for path in (*readable.roots, *WRITABLE_DEVICES):
        with suppress(OSError):
            opened[path] = os.open(path, os.O_PATH | os.O_CLOEXEC)
    links = dict.fromkeys(link for path in readable.aliases for link in _links(Path(path)))
    return Sources(opened, tuple(links), readable.hidden)


def enter_tree(sources: Sources, scratch: Path, folders: Iterable[str]) -> None:
    """Make the tree and move into it.

    Args:
        sources: what it holds.
        scratch: an empty folder to build it in.
        folders: empty folders to make; they can be written to, as far as other layers let it.

    Raises:
        OSError: the host does not permit it; this process must then end.
    """
    top = str(scratch)
    kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", top, "tmpfs", _HARMLESS, f"mode=755,size={_TREE_BYTES}")
    for path, descriptor in sources.opened.items():
        _attach(descriptor, Path(f"{top}{path}"))
        os.close(descriptor)
    for path in sources.hidden:
        kernel.mount("tmpfs", f"{top}{path}", "tmpfs", _HARMLESS, "mode=755,size=4k")
        kernel.make_read_only(f"{top}{path}")
    for place, target in sources.links:
        _link(Path(f"{top}{place}"), target)
    for path in folders:
        Path(f"{top}{path}").mkdir(parents=True, exist_ok=True)
    Path(top, "proc").mkdir()
    kernel.mount("proc", f"{top}/proc", "proc", _HARMLESS | kernel.MS_NOEXEC)
    kernel.change_root(top)


def _attach(descriptor: int, target: Path) -> None:
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    source = f"/proc/self/fd/{descriptor}"
    kernel.mount(source, str(target), "", kernel.MS_BIND | kernel.MS_REC)
    kernel.make_read_only(str(target))


def _link(copy: Path, target: str) -> None:
    # One that lies in an attached folder has come with it.
    if not os.path.lexists(copy):
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.symlink_to(target)


def _links(path: Path) -> Iterator[tuple[Path, str]]:
    """Find the links on the way to a path, and on the way to where they lead."""
    for place in (*reversed(path.parents), path):
        if place.is_symlink():
            target = str(place.readlink())
            yield place, target
            # No link is left in the parents of the first one.
            onward = os.path.normpath(place.parent / target)
            yield from _links(Path(onward) / path.relative_to(place))
            return
