"""metrics -> report: the checkpoints of one training as a series, and which of them are due.

The order of a series does not depend on when its checkpoints were evaluated, so that "the one
before" means the same tonight and next year.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tasks.core.ordering import NaturalKey, natural_key

_MOST_NAME = 80


class Order(StrEnum):
    """What the order of a series goes by."""

    NAME = "name"  # numbers in it compare as numbers: step-900 comes before step-1000
    TIME = "time"  # of the newest file


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights that can be evaluated.

    `identity` tells them from all others, `place` is what is served (a path) or what stands for the
    weights in the cache, `changed_s` when their files last changed, in seconds since the epoch.
    """

    name: str
    identity: str
    place: str
    changed_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """An evaluation that ended without a score: when, and why."""

    at: str
    error: str


@dataclass(frozen=True, slots=True)
class Score:
    """The headline of one evaluation, as metrics.json has it."""

    value: float
    passed: float
    scored: int
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one checkpoint: `run` is the name of its run directory."""

    checkpoint: Checkpoint
    run: str
    failures: tuple[Failure, ...] = ()
    score: Score | None = None
    flow_run_id: str | None = None
    evaluated_at: str | None = None


def checkpoint_key(identity: str) -> str:
    """Return a short name for an identity, safe in file names and resource ids."""
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def run_name(checkpoint: Checkpoint) -> str:
    """Name a checkpoint's run directory: for people by its name, for certain by its identity."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", checkpoint.name).strip(".-")[-_MOST_NAME:]
    return f"{name or 'checkpoint'}-{checkpoint_key(checkpoint.identity)[:8]}"


def in_series(checkpoints: Iterable[Checkpoint], order: Order) -> list[Checkpoint]:
    """Return checkpoints from the oldest to the newest; of the same weights, the first found."""
    distinct = {checkpoint.identity: checkpoint for checkpoint in reversed(list(checkpoints))}
    return sorted(distinct.values(), key=lambda checkpoint: _key(checkpoint, order))


def scored_in_series(entries: Iterable[Entry], order: Order) -> list[Entry]:
    """Return what was evaluated, from the oldest checkpoint to the newest."""
    scored = [entry for entry in entries if entry.score is not None]
    return sorted(scored, key=lambda entry: _key(entry.checkpoint, order))


def is_due(entry: Entry | None, tries: int) -> bool:
    """Whether a checkpoint has no score yet and may still be tried."""
    return entry is None or (entry.score is None and len(entry.failures) < tries)


def choose(
    series: Iterable[Checkpoint],
    entries: Mapping[str, Entry],
    busy: Collection[str],
    tries: int,
    most: int | None,
) -> list[Checkpoint]:
    """Choose what one night evaluates: the newest that are due, in the order of the series.

    What people want to know first is how good the newest are. Among those that are chosen the
    older ones come first, so that each finds the one before it evaluated.

    Args:
        series: all checkpoints that were found, the oldest first.
        entries: what is known, by identity.
        busy: identities that somebody else evaluates.
        tries: evaluations that a checkpoint gets over all nights.
        most: evaluations of one night, None for no limit.
    """
    due = [
        checkpoint
        for checkpoint in series
        if checkpoint.identity not in busy and is_due(entries.get(checkpoint.identity), tries)
    ]
    return due if most is None else due[max(0, len(due) - most) :]


def _key(checkpoint: Checkpoint, order: Order) -> tuple[float, NaturalKey, str]:
    changed_s = checkpoint.changed_s if order is Order.TIME else 0.0
    return changed_s, natural_key(checkpoint.name), checkpoint.identity
