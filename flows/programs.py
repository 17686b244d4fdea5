"""Programs file -> attempts to verify: which program belongs to which problem and repeat."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from flows.config import VerifyConfig
from flows.dataset import Dataset, dataset_identity
from tasks.core.errors import DatasetError, EvalError
from tasks.core.json_value import JsonValue
from tasks.core.records import AttemptResult, Reason, StepResult, Usage
from tasks.core.scoring import check_complete
from tasks.programs_file import ProgramLine, load_programs


@dataclass(frozen=True, slots=True)
class AttemptPrograms:
    """The programs of one repeat of one problem, in the order of its sub-steps."""

    problem_id: str
    repeat: int
    lines: tuple[ProgramLine, ...]


def load_attempt_programs(path: Path, dataset: Dataset) -> list[AttemptPrograms]:
    """Read the programs and group them; sub-steps without a program are not scored.

    Raises:
        DatasetError: a program of an unknown or unscored sub-step, or uneven repeats.
    """
    lines = {(line.repeat, line.step_id): line for line in load_programs(path)}
    _check_steps(path, dataset, {step_id for _, step_id in lines})
    attempts: list[AttemptPrograms] = []
    for repeat in sorted({repeat for repeat, _ in lines}):
        for problem in dataset.problems:
            ids = [step.step_id for step in problem.sub_steps]
            found = tuple(lines[repeat, i] for i in ids if (repeat, i) in lines)
            if found:
                attempts.append(AttemptPrograms(problem.problem_id, repeat, found))
    try:
        check_complete([_as_if_passed(attempt) for attempt in attempts])
    except EvalError as error:
        raise DatasetError(f"{path}: {error}") from error
    return attempts


def verify_identity(config: VerifyConfig, dataset: Dataset) -> dict[str, JsonValue]:
    """Return what the run directory of a verification belongs to."""
    digest = hashlib.sha256(config.programs.read_bytes()).hexdigest()
    return {**dataset_identity(config, dataset), "programs_sha256": digest}


def _check_steps(path: Path, dataset: Dataset, step_ids: set[str]) -> None:
    unscored = sorted(step_ids - dataset.scored)
    if unscored:
        raise DatasetError(
            f"{path}: expected programs of sub-steps that are scored in dataset {dataset.name}, "
            f"found {unscored[0]!r} (and {len(unscored) - 1} more); given sub-steps and those "
            "outside of --problems or without targets cannot be verified"
        )


def _as_if_passed(attempt: AttemptPrograms) -> AttemptResult:
    steps = tuple(StepResult(line.step_id, Reason.PASSED) for line in attempt.lines)
    return AttemptResult(attempt.problem_id, attempt.repeat, steps, Usage(0, 0))
