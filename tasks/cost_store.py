"""Remembers between runs what the programs of each sub-step took, to plan by.

One file for each environment, since other libraries take other times. What is learnt within a run,
and how a single program that sleeps or fills memory is forgotten again, is said at
`tasks.sandbox.admission.revise`; here it is only kept.
"""

import fcntl
import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tasks.core.errors import ConfigError
from tasks.durable_files import keep, read_kept
from tasks.sandbox.admission import Cost, greater
from tasks.strict_json import count, duration_s, mapping

STORE_VERSION = 1
"""Raised when costs are written in another form, or measured otherwise."""


@dataclass(frozen=True, slots=True)
class CostStore:
    """Costs below one folder, by environment and sub-step."""

    root: Path

    def load(self, environment_sha256: str) -> dict[str, Cost]:
        """Return what is known of an environment's sub-steps; nothing if it cannot be read."""
        return read_kept(self._path(environment_sha256), _read_costs) or {}

    def save(
        self, environment_sha256: str, known: Mapping[str, Cost], costs: Mapping[str, Cost]
    ) -> None:
        """Keep what a run has learnt, beside what other runs have saved meanwhile.

        Args:
            environment_sha256: where the programs ran.
            known: what `load` returned at the start.
            costs: `SandboxPool.costs` at the end.

        Raises:
            ConfigError: the folder cannot be written.
        """
        path = self._path(environment_sha256)
        with _locked(path.with_suffix(".lock")):
            stored = self.load(environment_sha256)
            merged = merge_costs(stored, known, costs)
            steps = {step_id: asdict(cost) for step_id, cost in sorted(merged.items())}
            content = {"store_version": STORE_VERSION, "steps": steps}
            keep(path, json.dumps(content, indent=2) + "\n", "costs")

    def _path(self, environment_sha256: str) -> Path:
        return self.root / f"{environment_sha256}.json"


def merge_costs(
    stored: Mapping[str, Cost], known: Mapping[str, Cost], costs: Mapping[str, Cost]
) -> dict[str, Cost]:
    """Bring what a run has learnt into what is stored: the greater where another run did so too.

    Args:
        stored: what the file holds at the end of the run.
        known: what it held at the start.
        costs: what the run makes of it.
    """
    learnt = {step_id: cost for step_id, cost in costs.items() if cost != known.get(step_id)}
    for step_id, cost in learnt.items():
        other = stored.get(step_id)
        if other is not None and other != known.get(step_id):
            learnt[step_id] = greater(cost, other)
    return {**stored, **learnt}


@contextmanager
def _locked(path: Path) -> Generator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(
            f"cannot keep costs in {path.parent}: {error}; give a folder that can be written"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _read_costs(content: str) -> dict[str, Cost]:
    """Parse a file strictly: anything that is not exactly ours raises."""
    store = mapping(json.loads(content))
    if store["store_version"] != STORE_VERSION:
        raise ValueError("the costs are of another version")
    return {step_id: _read_cost(mapping(cost)) for step_id, cost in mapping(store["steps"]).items()}


def _read_cost(fields: Mapping[str, object]) -> Cost:
    return Cost(duration_s(fields["duration_s"]), count(fields["peak_bytes"]))
