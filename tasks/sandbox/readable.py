"""Decides what a confined child may read: its interpreter, the system's libraries, a few devices.

Everything else stays out by not being named: homes, working directories, targets. One thing lies
below a named path and must not be read: this package where it is installed among the libraries,
for it brings targets of its own.
"""

import os
import site
import sys
import sysconfig
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

_SYSTEM = (
    "/lib /lib32 /lib64 /usr/lib /usr/lib32 /usr/lib64 /usr/share /usr/local/lib /usr/local/share "
    "/etc/ld.so.cache /etc/localtime /dev/zero /dev/full /dev/random /dev/urandom"
).split()
# Written to by programs that throw output away.
WRITABLE_DEVICES = ("/dev/null",)
PROC_FILES = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat")
_LIBRARY_FOLDERS = frozenset({"site-packages", "dist-packages"})
_PARTS_OF_PREFIX = ("lib", "lib64", "share")
_OWN_PACKAGE = __name__.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Readable:
    """Real paths that may be read with all that is in them, except what is hidden.

    `aliases` are the paths with links in them by which some of the real ones are known.
    """

    roots: tuple[str, ...]
    hidden: tuple[str, ...]
    aliases: tuple[str, ...] = ()


def find_readable(packages: Iterable[str]) -> Readable:
    """Collect what the programs of this interpreter need, these packages' folders among it."""
    folders = (*site.getsitepackages(), *_library_folders(packages))
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    parts = [f"{prefix}/{part}" for prefix in sorted(prefixes) for part in _PARTS_OF_PREFIX]
    standard = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    named = [path for path in (*_SYSTEM, *standard, *parts, *folders) if Path(path).exists()]
    real = dict.fromkeys(os.path.realpath(path) for path in named)
    hidden = (Path(os.path.realpath(folder)) / _OWN_PACKAGE for folder in folders)
    return Readable(
        roots=tuple(path for path in real if not _has_parent(path, real)),
        hidden=tuple(dict.fromkeys(str(path) for path in hidden if path.exists())),
        aliases=tuple(path for path in dict.fromkeys(named) if path not in real),
    )


def find_files(packages: Iterable[str]) -> tuple[str, ...]:
    """Name the file of each of these top-level packages that is installed."""
    found = (find_spec(package) for package in packages)
    return tuple(spec.origin for spec in found if spec is not None and spec.origin is not None)


def carve(readable: Readable) -> Iterator[tuple[str, bool]]:
    """Cut the hidden paths out; answers with paths, and whether what is in them may be read.

    A right on a folder holds for all below it, so a folder with something hidden in it can only be
    listed, and its other entries are named one by one.
    """
    for root in readable.roots:
        yield from _carve(root, readable.hidden)


def is_open_to_all(path: str) -> bool:
    """Whether every user of the machine can read a path, by the modes on the way to it."""
    place = Path(os.path.realpath(path))
    try:
        passable = all(folder.stat().st_mode & 0o001 for folder in place.parents)
    except OSError:
        return False
    return passable and is_open_below(str(place))


def is_open_below(path: str) -> bool:
    """Whether every user could read a path, were it not for the folders above it."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return False
    wanted = 0o005 if Path(path).is_dir() else 0o004
    return mode & wanted == wanted


def _carve(root: str, hidden: Collection[str]) -> Iterator[tuple[str, bool]]:
    below = [path for path in hidden if path.startswith(f"{root}/")]
    if not below:
        yield root, True
        return
    yield root, False
    for entry in sorted(Path(root).iterdir()):
        # A link is read by what it points to.
        if str(entry) not in below and not entry.is_symlink():
            yield from _carve(str(entry), below)


def _library_folders(packages: Iterable[str]) -> tuple[str, ...]:
    folders = dict.fromkeys(Path(file).parents[1] for file in find_files(packages))
    return tuple(str(folder) for folder in folders if folder.name in _LIBRARY_FOLDERS)


def _has_parent(path: str, paths: Iterable[str]) -> bool:
    return any(path.startswith(f"{other}/") for other in paths)
