"""What is kept between runs -> counts and sizes, for the commands that show and remove it.

An entry is read whole, as a run reads it, so that what is listed here is what a run would find.
Only sums are held: memory does not grow with the number of entries.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from tasks.core.json_value import JsonValue
from tasks.core.ordering import natural_key
from tasks.core.records import StepKey
from tasks.environment_removal import KeptEnvironment, kept_environments
from tasks.generation_cache import read_entry
from tasks.kept_files import KeptFile, Kind, Store, kept_files
from tasks.strict_json import count, mapping, text
from tasks.verdict_cache import read_entry as read_verdict

UNREADABLE = (OSError, ValueError, TypeError, KeyError, RecursionError)
"""What reading an entry may raise; all of it makes the entry a miss."""


@dataclass(frozen=True, slots=True)
class EntryHead:
    """What a kept generation answers: whose it is, and what was asked with its prompt.

    `others` are the settings beside model and checkpoint, with the seed that the run was given.
    """

    key: StepKey
    model: str
    checkpoint: str
    others: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which generations are meant: those that all of it holds for; None and () hold for any.

    `written_before` is in seconds since 1970.
    """

    model: str | None = None
    checkpoint: str | None = None
    problems: tuple[str, ...] = ()
    repeats_from: int = 0
    written_before: float | None = None

    def matches(self, head: EntryHead, written: float) -> bool:
        """Whether an entry that was written then is meant."""
        return (
            self.model in (None, head.model)
            and self.checkpoint in (None, head.checkpoint)
            and (not self.problems or head.key.problem_id in self.problems)
            and head.key.repeat >= self.repeats_from
            and (self.written_before is None or written < self.written_before)
        )


@dataclass(frozen=True, slots=True)
class GenerationGroup:
    """The generations of one model with one set of settings; times in seconds since 1970."""

    model: str
    checkpoint: str
    settings: Mapping[str, JsonValue]
    entries: int
    problems: tuple[str, ...]
    repeats: tuple[int, ...]
    size_bytes: int
    first_written: float
    last_written: float


@dataclass(frozen=True, slots=True)
class StoreSums:
    """How many files a store holds: entries, and among those what cannot be used.

    `unreadable` entries are damaged or of another version, `unfinished` files are what writers
    write or have left, `foreign` ones are not ours.
    """

    entries: int = 0
    size_bytes: int = 0
    unreadable: int = 0
    unfinished: int = 0
    foreign: int = 0


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything in a cache folder; `generations` has only what was selected."""

    groups: tuple[GenerationGroup, ...]
    stores: Mapping[Store, StoreSums]
    environments: tuple[KeptEnvironment, ...]

    @property
    def size_bytes(self) -> int:
        """The size of everything that was counted."""
        return sum(sums.size_bytes for sums in self.stores.values()) + sum(
            environment.size_bytes for environment in self.environments
        )


def list_contents(cache_dir: Path, selection: Selection) -> Contents:
    """Count what is kept.

    Args:
        cache_dir: the cache folder; it need not exist.
        selection: which generations are grouped and counted.

    Raises:
        OSError: a folder cannot be read.
    """
    groups: dict[tuple[str, str, str], _Group] = {}
    stores = {store: _Sums() for store in Store}
    for file in kept_files(cache_dir, Store.GENERATIONS):
        _add_generation(file, selection, stores[Store.GENERATIONS], groups)
    for store in Store:
        if store is not Store.GENERATIONS:
            _add_files(cache_dir, store, stores[store])
    ordered = sorted(groups)
    return Contents(
        tuple(groups[name].frozen() for name in ordered),
        {store: sums.frozen() for store, sums in stores.items()},
        kept_environments(cache_dir),
    )


def read_head(file: KeptFile) -> EntryHead:
    """Read whose generation an entry is; every part of the entry must be ours.

    Raises:
        OSError, ValueError, TypeError, KeyError, RecursionError: as `UNREADABLE` says.
    """
    entry = mapping(json.loads(file.read()))
    read_entry(entry, file.digest)
    key, settings = mapping(entry["key"]), dict(mapping(entry["settings"]))
    owner = StepKey(text(key["problem_id"]), count(key["repeat"]), text(key["step_id"]))
    model, checkpoint = text(settings.pop("model")), text(settings.pop("checkpoint"))
    if isinstance(seed := settings.get("seed"), int):
        # Every repeat was asked with a seed of its own: the run's and the repeat's number.
        settings["seed"] = seed - owner.repeat
    return EntryHead(owner, model, checkpoint, cast("dict[str, JsonValue]", settings))


@dataclass(slots=True)
class _Sums:
    entries: int = 0
    size_bytes: int = 0
    unreadable: int = 0
    unfinished: int = 0
    foreign: int = 0

    def add(self, file: KeptFile) -> bool:
        """Count a file; true for an entry."""
        if file.kind is Kind.FOREIGN:
            self.foreign += 1
            return False
        self.size_bytes += file.size_bytes
        if file.kind is Kind.UNFINISHED:
            self.unfinished += 1
            return False
        self.entries += 1
        return True

    def drop(self, file: KeptFile) -> None:
        """Take back an entry that has gone, or was not selected."""
        self.entries -= 1
        self.size_bytes -= file.size_bytes

    def frozen(self) -> StoreSums:
        return StoreSums(
            self.entries, self.size_bytes, self.unreadable, self.unfinished, self.foreign
        )


@dataclass(slots=True)
class _Group:
    head: EntryHead
    entries: int = 0
    size_bytes: int = 0
    first_written: float = float("inf")
    last_written: float = 0.0
    problems: set[str] = field(default_factory=set[str])
    repeats: set[int] = field(default_factory=set[int])

    def add(self, head: EntryHead, file: KeptFile) -> None:
        self.entries += 1
        self.size_bytes += file.size_bytes
        self.first_written = min(self.first_written, file.written)
        self.last_written = max(self.last_written, file.written)
        self.problems.add(head.key.problem_id)
        self.repeats.add(head.key.repeat)

    def frozen(self) -> GenerationGroup:
        return GenerationGroup(
            self.head.model,
            self.head.checkpoint,
            self.head.others,
            self.entries,
            tuple(sorted(self.problems, key=natural_key)),
            tuple(sorted(self.repeats)),
            self.size_bytes,
            self.first_written,
            self.last_written,
        )


def _add_generation(
    file: KeptFile,
    selection: Selection,
    sums: _Sums,
    groups: dict[tuple[str, str, str], _Group],
) -> None:
    if not sums.add(file):
        return
    try:
        head = read_head(file)
    except FileNotFoundError:
        sums.drop(file)
        return
    except UNREADABLE:
        sums.unreadable += 1
        return
    if not selection.matches(head, file.written):
        sums.drop(file)
        return
    name = (head.model, head.checkpoint, json.dumps(head.others, sort_keys=True))
    groups.setdefault(name, _Group(head)).add(head, file)


def _add_files(cache_dir: Path, store: Store, sums: _Sums) -> None:
    for file in kept_files(cache_dir, store):
        if sums.add(file) and not is_usable(file, store):
            sums.unreadable += 1


def is_usable(file: KeptFile, store: Store) -> bool:
    """Whether a run would take an entry; a file that has gone is nobody's trouble."""
    try:
        if store is Store.GENERATIONS:
            read_head(file)
        elif store in (Store.VERDICTS, Store.UNCONFINED_VERDICTS):
            read_verdict(file.read(), file.digest)
        else:
            mapping(json.loads(file.read()))
    except FileNotFoundError:
        return True
    except UNREADABLE:
        return False
    return True
