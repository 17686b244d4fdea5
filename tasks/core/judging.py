"""outcome -> verdict: decide the cases of one sub-step over the values that its child shipped.

Pure; runs in the judge process. What it executes is the benchmark's own comparison code, never
the candidate's: of the candidate it sees decoded plain values.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from tasks.core.comparison import (
    GuardedNumpy,
    VacuousComparisonError,
    are_csc_matrix_close,
    are_dicts_close,
    cmp_tuple_or_list,
)
from tasks.core.errors import SandboxError
from tasks.core.records import Ending, Reason
from tasks.core.splitting.split import JudgeCase

MAX_DETAIL = 2000

_REASONS = {
    Ending.RAISED: Reason.EXCEPTION,
    Ending.SYNTAX_ERROR: Reason.EXCEPTION,
    Ending.TIMED_OUT: Reason.TIMEOUT,
    Ending.OUT_OF_MEMORY: Reason.MEMORY,
    Ending.KILLED: Reason.KILLED,
    Ending.UNSHIPPABLE: Reason.BAD_VALUE,
    Ending.OVERSIZED: Reason.BAD_VALUE,
    Ending.GARBLED: Reason.BAD_VALUE,
}


class BadValueError(ValueError):
    """Shipped values that cannot be judged: undecodable, too many, or masked."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The judge's conclusion about one sub-step, without what only the sandbox knows."""

    reason: Reason
    detail: str = ""


def judge_outcome(
    cases: Sequence[JudgeCase],
    ending: Ending,
    detail: str,
    shipped: Sequence[Callable[[], Sequence[object]]],
    target: Callable[[int], object],
) -> Judgement:
    """Judge the cases in order; the first that does not hold decides, as in one script.

    Args:
        cases: the judge's parts, in order.
        ending: how the child ended; `detail` says more for a person.
        shipped: for each frame that came, in order, a function that decodes it. It raises
            BadValueError for bytes that are not a frame.
        target: gives the expected value of a case by its number, from 1.
    """
    if len(shipped) > len(cases):
        return Judgement(Reason.BAD_VALUE, f"{len(shipped)} frames shipped for {len(cases)} cases")
    for number, (case, decode) in enumerate(zip(cases, shipped, strict=False), 1):
        failed = _judge_case(number, case, decode, target)
        if failed is not None:
            return failed
    if ending is not Ending.COMPLETED:
        return Judgement(_REASONS[ending], detail)
    if len(shipped) < len(cases):
        return Judgement(Reason.BAD_VALUE, f"{len(shipped)} frames shipped for {len(cases)} cases")
    return Judgement(Reason.PASSED)


def _judge_case(
    number: int,
    case: JudgeCase,
    decode: Callable[[], Sequence[object]],
    target: Callable[[int], object],
) -> Judgement | None:
    namespace = judge_namespace(case, target(number) if case.uses_target else None)
    try:
        bind_slots(case, decode(), namespace)
    except (BadValueError, MemoryError) as error:
        return Judgement(Reason.BAD_VALUE, f"case {number}: {error}"[:MAX_DETAIL])
    try:
        held = bool(evaluate(case.condition, namespace))
    except MemoryError:
        return Judgement(Reason.BAD_VALUE, f"case {number}: the comparison needs too much memory")
    except VacuousComparisonError as error:
        return Judgement(Reason.WRONG_ANSWER, f"case {number}: {error}"[:MAX_DETAIL])
    except Exception as error:
        text = f"case {number} cannot be compared: {type(error).__name__}: {error}"
        return Judgement(Reason.WRONG_ANSWER, text[:MAX_DETAIL])
    if held:
        return None
    return Judgement(Reason.WRONG_ANSWER, f"case {number} does not hold: {case.text}"[:MAX_DETAIL])


def judge_namespace(case: JudgeCase, target: object) -> dict[str, object]:
    """Names that a case's condition may use: numpy, comparators, its own glue and the target.

    Raises:
        SandboxError: the benchmark's own glue does not run.
    """
    namespace: dict[str, object] = {
        "__name__": "judge",
        "np": GuardedNumpy(),
        "cmp_tuple_or_list": cmp_tuple_or_list,
        "are_dicts_close": are_dicts_close,
        "are_csc_matrix_close": are_csc_matrix_close,
        "target": target,
    }
    try:
        with np.errstate(all="ignore"):
            exec(compile(case.source, "<judge>", "exec"), namespace)  # noqa: S102 - our benchmark's code
    except Exception as error:
        raise SandboxError(
            f"the benchmark's own part of `{case.text[:200]}` failed in the judge: "
            f"{type(error).__name__}: {error}; check that the targets fit the problems"
        ) from error
    return namespace


def bind_slots(case: JudgeCase, values: Sequence[object], namespace: dict[str, object]) -> None:
    """Put the shipped values under their slots.

    Raises:
        BadValueError: another number of values than slots, or masked elements among them.
    """
    if len(values) != len(case.slots):
        raise BadValueError(f"{len(values)} values shipped, expected {len(case.slots)}")
    namespace.update(zip(case.slots, map(_unmasked, values), strict=True))


def evaluate(expression: str, namespace: dict[str, object]) -> object:
    """Evaluate a condition (or a derived target) of the benchmark."""
    with np.errstate(all="ignore"):
        return eval(compile(expression, "<judge>", "eval"), namespace)  # noqa: S307 - our benchmark's code


def _unmasked(value: object) -> object:
    """Replace masked arrays by plain ones: a masked element would agree with anything."""
    if isinstance(value, np.ma.MaskedArray):
        if np.ma.getmaskarray(cast("Any", value)).any():
            raise BadValueError("the value has masked elements")
        return np.ma.getdata(cast("Any", value))
    if isinstance(value, list | tuple):
        return type(value)(map(_unmasked, cast("Sequence[object]", value)))
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).items()
        return {key: _unmasked(item) for key, item in items}
    return value
