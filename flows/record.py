"""run.json: what a run was made from, when it ran, and whether it is complete."""

import platform
import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Self

from flows.config import DataSettings, EvalConfig
from flows.dataset import Dataset
from flows.inputs import Inputs
from flows.opening import Opened
from tasks.core.errors import UnansweredError
from tasks.core.json_value import JsonValue
from tasks.core.listing import counted
from tasks.core.ordering import natural_key
from tasks.core.records import Scored
from tasks.run_directory import RunDirectory

_PACKAGES = ("scicode-flows", "prefect", "openai", "numpy", "scipy", "sympy", "h5py", "pandas")


class RunRecord:
    """Writes run.json when a run starts and again when it ends, however it ends."""

    def __init__(self, directory: RunDirectory, settings: DataSettings, dataset: Dataset) -> None:
        self._directory = directory
        self._counts: Callable[[], dict[str, JsonValue]] = dict
        self._fields: dict[str, JsonValue] = {
            "configuration": settings.model_dump(mode="json"),
            "targets": str(dataset.targets),
            "problem_names": {p.problem_id: p.name for p in dataset.problems},
            "versions": _versions(),
            "isolation": None,
            "environments": [],
        }

    def __enter__(self) -> Self:
        """Note the start."""
        self._write(status="running", started=_now(), ended=None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Note the end, unless `complete` did."""
        if self._fields["status"] != "complete":
            self._write(status=_status(kind), ended=_now(), error=str(error), **self._counts())

    def note_verifier(self, opened: Opened) -> None:
        """Note where programs run, and the confinement that they have on this host."""
        report = opened.verifier.isolation
        self._write(
            isolation=report.level.value,
            layers=list(report.layers),
            environments=[asdict(environment) for environment in opened.verifier.environments],
            blas_core=opened.verifier.blas_core,
            left_out=dict(opened.left_out),
        )

    def count(self, counts: Callable[[], dict[str, JsonValue]]) -> None:
        """Note at the end, however the run ends, what these counts are then."""
        self._counts = counts

    def complete(self) -> None:
        """Note that the run is complete."""
        self._write(status="complete", ended=_now(), **self._counts())

    def _write(self, **fields: JsonValue) -> None:
        self._fields |= fields
        self._directory.write_run(self._fields)


def _status(kind: type[BaseException] | None) -> str:
    """Tell a run that lacks some attempts from one that was ended, and from one that failed."""
    if kind is not None and issubclass(kind, UnansweredError):
        return "incomplete"
    return "interrupted" if kind is not None and not issubclass(kind, Exception) else "failed"


def new_run(name: str, flow_run_id: str | None = None) -> Path:
    """Return the default run directory: by time, then by model.

    Args:
        name: what is evaluated.
        flow_run_id: of a flow run that has no other directory. Started once more it goes on in its
            own, which is known by the end of the id: its start is the time, also in an id.
    """
    runs = Path("runs")
    own = "" if flow_run_id is None else f"-{flow_run_id.rpartition('-')[2]}"
    for kept in sorted(runs.glob(f"*{own}")) if own else ():
        return kept
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return runs / f"{stamp}-{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}{own}"


def run_header(doing: str, opened: Opened, output: Path, repeats: int = 1) -> str:
    """Say in one line what starts, on what, where programs run, and where it is written."""
    dataset, verifier = opened.dataset, opened.verifier
    repeated = f" × {repeats}" if repeats > 1 else ""
    left_out = f" ({counted(len(opened.left_out), 'problem')} left out)" if opened.left_out else ""
    return " · ".join(
        (
            f"{doing} on {dataset.name}: {counted(len(dataset.problems), 'problem')}{repeated}, "
            f"{counted(len(dataset.scored), 'scored sub-step')}{left_out}",
            f"environment {', '.join(place.name for place in verifier.environments)}",
            str(verifier.isolation),
            f"writes to {output}",
        )
    )


def run_details(config: EvalConfig, inputs: Inputs) -> dict[str, JsonValue]:
    """Return the settings that a reader of a score needs to compare it with another."""
    return {
        **dataset_details(config, inputs.dataset),
        "model": config.model_name,
        "prompt": inputs.template.name,
        "background": config.background,
        "extraction": config.extraction.value,
        "repeats": config.repeats,
    }


def dataset_details(settings: DataSettings, dataset: Dataset) -> dict[str, JsonValue]:
    """Return the part of the details that has nothing to do with a model."""
    left_out = sum(
        step.given is None and step.step_id not in dataset.scored
        for problem in dataset.problems
        for step in problem.sub_steps
    )
    scored: JsonValue = "all sub-steps with cases"
    if settings.scored is Scored.WITH_TARGETS:
        scored = f"only sub-steps that have targets; {left_out} without are left out"
    return {
        "dataset": dataset.name,
        "problems": len(dataset.problems),
        "scored": scored,
        "given": settings.given.value,
    }


def verifier_details(settings: DataSettings, opened: Opened) -> dict[str, JsonValue]:
    """Return the part of the details that tells how programs were judged."""
    left_out = sorted(opened.left_out, key=natural_key)
    return {
        "environments": list(settings.environments),
        "isolation": opened.verifier.isolation.level.value,
        "verification tries": f"{1 + settings.confirm} ({settings.confirm_which.value} repeated, "
        f"{settings.confirm_rule.value} decides)"
        if settings.confirm
        else "1",
        **({"problems left out for missing dependencies": [*left_out]} if left_out else {}),
    }


def _versions() -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
