"""Removal of what is kept between runs, beside runs that go on.

Entries go one by one and at once, so that a reader finds an entry or misses it. Only what is ours
is removed (`tasks.kept_files`), a folder never: a writer may have just made sure of it. What a
writer is writing is left alone, and so is an environment that somebody runs programs in.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tasks.cache_contents import UNREADABLE, Selection, is_usable, read_head
from tasks.environment_removal import Use, kept_environments, remove_environment
from tasks.kept_files import KeptFile, Kind, Store, kept_files

_WRITING_S = 3600.0
"""How old a temporary file must be to be a killed writer's: writing takes milliseconds."""

_VERDICTS = (Store.VERDICTS, Store.UNCONFINED_VERDICTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwanted:
    """What is to be removed: `generations` where a selection is given, and the rest as it says.

    `unreadable` stands for generations and verdicts that no run can use, and for what killed
    writers have left.
    """

    generations: Selection | None = None
    verdicts: bool = False
    environments: bool = False
    unreadable: bool = False
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed of one kind, or would be; `left` says what was not, and why."""

    what: str
    number: int
    size_bytes: int
    left: tuple[str, ...] = ()


def remove(cache_dir: Path, unwanted: Unwanted, *, dry_run: bool) -> tuple[Removed, ...]:
    """Remove what is unwanted, or only count it; kinds of which there is nothing are left out.

    Raises:
        OSError: a folder cannot be read.
    """
    removed = [
        *(_remove_files(cache_dir, store, unwanted, dry_run=dry_run) for store in Store),
        _remove_environments(cache_dir, unwanted, dry_run=dry_run),
    ]
    return tuple(one for one in removed if one.number or one.left)


def _remove_files(cache_dir: Path, store: Store, unwanted: Unwanted, *, dry_run: bool) -> Removed:
    number = size_bytes = 0
    left: list[str] = []
    is_unwanted = _judge(store, unwanted)
    if is_unwanted is None:
        return Removed(store.words, 0, 0)
    for file in kept_files(cache_dir, store):
        if not is_unwanted(file):
            continue
        try:
            gone = dry_run or file.remove()
        except OSError as error:
            left.append(f"{file.name}: {error.strerror}")
            continue
        if gone:
            number, size_bytes = number + 1, size_bytes + file.size_bytes
    return Removed(store.words, number, size_bytes, tuple(left))


def _judge(store: Store, unwanted: Unwanted) -> Callable[[KeptFile], bool] | None:
    """Return what tells whether a file of a store is unwanted; None where none of them is."""
    if unwanted.everything or (unwanted.verdicts and store in _VERDICTS):
        return _is_nobodys
    selection = unwanted.generations if store is Store.GENERATIONS else None
    if selection is None and not unwanted.unreadable:
        return None

    def is_unwanted(file: KeptFile) -> bool:
        if file.kind is not Kind.ENTRY:
            return unwanted.unreadable and _is_nobodys(file)
        if selection is None:
            return not is_usable(file, store)
        try:
            return selection.matches(read_head(file), file.written)
        except FileNotFoundError:
            return False
        except UNREADABLE:
            return unwanted.unreadable

    return is_unwanted


def _is_nobodys(file: KeptFile) -> bool:
    """Whether a file is ours, and no writer is writing it."""
    if file.kind is Kind.UNFINISHED:
        return file.written < time.time() - _WRITING_S
    return file.kind is Kind.ENTRY


def _remove_environments(cache_dir: Path, unwanted: Unwanted, *, dry_run: bool) -> Removed:
    number = size_bytes = 0
    left: list[str] = []
    wanted = not (unwanted.environments or unwanted.everything)
    for environment in () if wanted else kept_environments(cache_dir):
        try:
            use = environment.use if dry_run else remove_environment(environment)
        except OSError as error:
            left.append(f"{environment.folder.name}: {error}")
            continue
        if use is Use.UNUSED:
            number, size_bytes = number + 1, size_bytes + environment.size_bytes
        else:
            left.append(f"{environment.folder.name}: {use}")
    return Removed("environments", number, size_bytes, tuple(left))
