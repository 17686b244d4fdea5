"""report -> report.html: reads what a finished run left in its directory, and writes its page.

The attempts are those of rollouts.jsonl; verdicts.jsonl may hold others besides, and a cut last
line, where a later start with more repeats was interrupted. It is read line by line, and of a
detail only what a page shows is kept.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from tasks.core.errors import DatasetError
from tasks.core.html_elements import clipped
from tasks.core.json_value import JsonValue
from tasks.core.records import AttemptResult, Reason, StepKey, StepResult, Usage
from tasks.core.report_html import report_page
from tasks.core.report_records import RunFiles
from tasks.durable_files import replacing
from tasks.strict_json import count, mapping, text

REPORT = "report.html"

_REPORT_MODE = 0o644
_MOST_DETAIL = 4000
_UNREADABLE = (ValueError, TypeError, KeyError, RecursionError)
_S = TypeVar("_S")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a page shows of a verdict."""

    reason: Reason
    inherited_from: str | None
    detail: str


def write_report(run: Path) -> Path:
    """Write the page of a finished run into its directory, in place of an older one.

    Returns:
        Its path.

    Raises:
        DatasetError: a file of the run is missing or damaged, or the page cannot be written.
    """
    page = _render(run, read_run(run))
    path = run / REPORT
    try:
        with replacing(path, mode=_REPORT_MODE) as file:
            file.write(page.encode())
    except OSError as error:
        raise DatasetError(
            f"cannot write {path}: {error}; make room there, or make the folder writable"
        ) from error
    return path


def read_run(run: Path) -> RunFiles:
    """Read the files of a finished run.

    Raises:
        DatasetError: one is missing, which says that the run is not finished, or damaged.
    """
    if not run.is_dir():
        raise DatasetError(
            f"expected a run directory, found no folder {run}; give one that evaluate or verify "
            "wrote (runs/<timestamp>-<model> by default)"
        )
    record, document = _read_object(run / "run.json"), _read_object(run / "metrics.json")
    usage = run / "usage.json"
    attempts, details = _join(run)
    return RunFiles(
        document=document,
        usage=_read_object(usage) if usage.is_file() else {},
        record=record,
        attempts=attempts,
        details=details,
    )


def _render(run: Path, files: RunFiles) -> str:
    """Render the page; what metrics.json lacks is found here, where its path is known."""
    try:
        return report_page(files)
    except _UNREADABLE as error:
        found = f"a part that is missing or no such value: {error!r}"
        raise _damaged(run / "metrics.json", found) from error


def _join(run: Path) -> tuple[tuple[AttemptResult, ...], dict[StepKey, str]]:
    """Put the attempts together: rollouts tell what was scored, verdicts why."""
    verdicts = dict(_verdicts(run / "verdicts.jsonl"))
    attempts: list[AttemptResult] = []
    details: dict[StepKey, str] = {}
    rollouts = run / "rollouts.jsonl"
    for number, fields in _lines(rollouts):
        attempt, keys = _parsed(rollouts, number, fields, lambda f: _attempt(f, verdicts))
        attempts.append(attempt)
        details |= {key: verdicts[key].detail for key in keys}
    if not any(attempt.steps for attempt in attempts):
        raise _damaged(rollouts, "no line with a scored sub-step")
    return tuple(attempts), details


def _attempt(
    fields: Mapping[str, object], verdicts: Mapping[StepKey, _Kept]
) -> tuple[AttemptResult, list[StepKey]]:
    problem_id, repeat = text(fields["problem_id"]), count(fields["repeat"])
    steps: list[StepResult] = []
    failed: list[StepKey] = []
    for step_id, passed in mapping(fields["step_results"]).items():
        key = StepKey(problem_id, repeat, step_id)
        if key not in verdicts:
            raise ValueError(f"verdicts.jsonl has no verdict on {step_id}")
        kept = verdicts[key]
        if passed is not (kept.reason is Reason.PASSED):
            raise ValueError(f"verdicts.jsonl says {kept.reason.value} of {step_id}")
        steps.append(StepResult(step_id, kept.reason, kept.inherited_from))
        if not passed:
            failed.append(key)
    usage = Usage(count(fields["input_tokens"]), count(fields["output_tokens"]))
    return AttemptResult(problem_id, repeat, tuple(steps), usage), failed


def _verdicts(path: Path) -> Iterator[tuple[StepKey, _Kept]]:
    """Yield the verdicts of a file; of one key the last is the newest."""
    for number, fields in _lines(path):
        yield _parsed(path, number, fields, _verdict)


def _verdict(fields: Mapping[str, object]) -> tuple[StepKey, _Kept]:
    key = StepKey(text(fields["problem_id"]), count(fields["repeat"]), text(fields["step_id"]))
    source = fields.get("inherited_from")
    # The last lines of a detail say most.
    detail = clipped(text(fields["detail"]), _MOST_DETAIL, kept_end=_MOST_DETAIL * 3 // 4)
    return key, _Kept(
        Reason(text(fields["reason"])), None if source is None else text(source), detail
    )


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Yield the objects of a JSON-lines file with the numbers of their lines."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.endswith(b"\n"):
                    yield number, _parsed(path, number, line, _object)
    except OSError as error:
        raise _missing(path, error) from error


def _object(line: bytes) -> Mapping[str, object]:
    return mapping(json.loads(line))


def _parsed(path: Path, number: int, value: _S, parse: Callable[[_S], _T]) -> _T:
    """Parse a line, and say where it stands if it is none of ours."""
    try:
        return parse(value)
    except _UNREADABLE as error:
        raise _damaged(path, f"in line {number} something else: {error!r}") from error


def _read_object(path: Path) -> dict[str, JsonValue]:
    try:
        value = cast("JsonValue", json.loads(path.read_bytes()))
    except OSError as error:
        raise _missing(path, error) from error
    except _UNREADABLE as error:
        raise _damaged(path, repr(error)) from error
    if not isinstance(value, dict):
        raise _damaged(path, "no JSON object")
    return value


def _missing(path: Path, error: OSError) -> DatasetError:
    return DatasetError(
        f"expected {path.name} in {path.parent}, found none: {error.strerror}; the run is not "
        f"finished: the command that started it, once more with --output {path.parent}, completes "
        "it and writes its report too"
    )


def _damaged(path: Path, found: str) -> DatasetError:
    return DatasetError(
        f"expected {path} as a finished run leaves it, found {found}; the command that started "
        "the run, once more, writes it anew"
    )
