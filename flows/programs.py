"""Programs file -> attempts to verify: which program belongs to which problem and repeat."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from flows.config import VerifyConfig
from flows.dataset import Dataset, dataset_identity
from tasks.core.errors import DatasetError, EvalError
from tasks.core.json_value import JsonValue
from tasks.core.records import AttemptResult, FinishReason, Problem, Reason, StepResult, Usage
from tasks.core.scoring import check_complete
from tasks.programs_file import ProgramLine, load_programs, programs_file


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
    left_out = _without_targets(dataset)
    found = (line for line in load_programs(programs_file(path)) if line.step_id not in left_out)
    lines = {(line.repeat, line.step_id): line for line in found}
    _check_steps(path, dataset, {step_id for _, step_id in lines})
    attempts: list[AttemptPrograms] = []
    for repeat in sorted({repeat for repeat, _ in lines}):
        for problem in dataset.problems:
            own = _lines_of(problem, repeat, lines, dataset.scored)
            if own:
                attempts.append(AttemptPrograms(problem.problem_id, repeat, own))
    try:
        check_complete([_as_if_passed(attempt) for attempt in attempts])
    except EvalError as error:
        raise DatasetError(f"{path}: {error}") from error
    return attempts


def _lines_of(
    problem: Problem,
    repeat: int,
    lines: Mapping[tuple[int, str], ProgramLine],
    scored: Collection[str],
) -> tuple[ProgramLine, ...]:
    """Return one attempt's programs; after a prompt that was too long there are none to come."""
    found: list[ProgramLine] = []
    for step in problem.sub_steps:
        line = lines.get((repeat, step.step_id))
        if line is None and found and found[-1].overlong and step.step_id in scored:
            line = ProgramLine(step.step_id, "", repeat, finish_reason=FinishReason.OVERLONG)
        if line is not None:
            found.append(line)
    return tuple(found)


def verify_identity(config: VerifyConfig, dataset: Dataset) -> dict[str, JsonValue]:
    """Return what the run directory of a verification belongs to."""
    digest = hashlib.sha256(programs_file(config.programs).read_bytes()).hexdigest()
    return {**dataset_identity(config, dataset), "programs_sha256": digest}


def _without_targets(dataset: Dataset) -> set[str]:
    """Return the sub-steps that the settings leave out because they have no targets."""
    steps = (step for problem in dataset.problems for step in problem.sub_steps if step.cases)
    return {step.step_id for step in steps} - dataset.scored


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
