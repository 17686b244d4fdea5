"""outcome -> verdict: decide the cases of one sub-step over the values that its child shipped.

Pure; runs in the judge process. What it executes is the benchmark's own comparison code, never
the candidate's: of the candidate it sees decoded plain values.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Number
from types import CodeType
from typing import Any, cast

import numpy as np
from scipy import sparse

from tasks.core.comparison import (
    GuardedNumpy,
    VacuousComparisonError,
    are_csc_matrix_close,
    are_dicts_close,
    cmp_tuple_or_list,
    every,
    every_element,
)
from tasks.core.difference import Comparisons
from tasks.core.errors import SandboxError, TargetError
from tasks.core.records import Ending, Reason
from tasks.core.rewriting import guarded, noted_condition
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
    *,
    reveal: bool = False,
) -> Judgement:
    """Judge the cases in order; the first that does not hold decides, as in one script.

    Args:
        cases: the judge's parts, in order.
        ending: how the child ended; `detail` says more for a person.
        shipped: for each frame that came, in order, a function that decodes it. It raises
            BadValueError for bytes that are not a frame.
        target: gives the expected value of a case by its number, from 1.
        reveal: whether `detail` may hold values of the target.
    """
    notes: list[str] = []
    if len(shipped) > len(cases):
        return Judgement(Reason.BAD_VALUE, f"{len(shipped)} frames shipped for {len(cases)} cases")
    for number, (case, decode) in enumerate(zip(cases, shipped, strict=False), 1):
        judgement = _judge_case(number, case, decode, target, reveal=reveal)
        if judgement.reason is not Reason.PASSED:
            return judgement
        notes += [judgement.detail] if judgement.detail else []
    if ending is not Ending.COMPLETED:
        return Judgement(_REASONS[ending], detail)
    if len(shipped) < len(cases):
        return Judgement(Reason.BAD_VALUE, f"{len(shipped)} frames shipped for {len(cases)} cases")
    return Judgement(Reason.PASSED, "; ".join(notes)[:MAX_DETAIL])


def _judge_case(
    number: int,
    case: JudgeCase,
    decode: Callable[[], Sequence[object]],
    target: Callable[[int], object],
    *,
    reveal: bool,
) -> Judgement:
    expected = _expected(number, target) if case.uses_target else None
    namespace = judge_namespace(case, expected)
    comparisons = Comparisons()
    namespace["_compared"] = comparisons.compare
    try:
        bind_slots(case, decode(), namespace)
    except Exception as error:
        return Judgement(Reason.BAD_VALUE, f"case {number}: {error}"[:MAX_DETAIL])
    try:
        held = bool(_evaluate(noted_condition(case), namespace))
    except MemoryError:
        return Judgement(Reason.BAD_VALUE, f"case {number}: the comparison needs too much memory")
    except VacuousComparisonError as error:
        failure = f"does not hold: {case.text}; {error}"
    except Exception as error:
        # Not its message, which may quote the target.
        failure = f"cannot be compared ({type(error).__name__}): {case.text}"
    else:
        if held:
            broadcast = comparisons.broadcast()
            return Judgement(Reason.PASSED, broadcast and f"case {number}: {broadcast}")
        failure = f"does not hold: {case.text}"
    kinds = _kinds([namespace[slot] for slot in case.slots], expected, case)
    said = (comparisons.first_difference(reveal=reveal), comparisons.broadcast())
    more = "".join(f"; {text}" for text in said if text)[: MAX_DETAIL // 2] + kinds
    room = MAX_DETAIL - len(more)
    return Judgement(Reason.WRONG_ANSWER, f"case {number} {failure}"[:room] + more)


def _expected(number: int, target: Callable[[int], object]) -> object:
    try:
        value = target(number)
    except MemoryError as error:
        raise SandboxError(
            f"the judge has not enough memory for the target of case {number}; free some"
        ) from error
    if value is None:
        raise TargetError(
            f"expected a target for case {number}, found none; check that the targets fit the "
            "problems, or derive them again"
        )
    return value


def _kinds(shipped: Sequence[object], expected: object, case: JudgeCase) -> str:
    """What was shipped and what was expected, where a look at kinds and shapes tells them apart."""
    found = ", ".join(map(describe_kind, shipped))
    if not case.uses_target or found == describe_kind(expected):
        return ""
    return f"; shipped {found}, target {describe_kind(expected)}"[: MAX_DETAIL // 4]


def describe_kind(value: object) -> str:
    """Name the type of a value and its shape or length, never the value itself."""
    if isinstance(value, np.ndarray) or sparse.issparse(value):
        array = cast("Any", value)
        return f"{type(array).__name__} {array.shape} of {array.dtype.name}"
    if isinstance(value, list | tuple | Mapping):
        sized = cast("Sequence[object]", value)
        return f"{type(sized).__name__} of {len(sized)}"
    if isinstance(value, bool | np.bool_):
        return "boolean"
    return "number" if isinstance(value, Number) else type(value).__name__


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
        "_equal": operator.eq,
        "_every": every,
        "_every_element": every_element,
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
    return _evaluate(guarded(ast.parse(expression, mode="eval")), namespace)


def _evaluate(code: CodeType, namespace: dict[str, object]) -> object:
    with np.errstate(all="ignore"):
        return eval(code, namespace)  # noqa: S307 - our benchmark's code


def _unmasked(value: object) -> object:
    """Replace masked arrays by plain ones: a masked element would agree with anything."""
    if isinstance(value, np.ma.MaskedArray):
        if np.ma.getmaskarray(cast("Any", value)).any():
            raise BadValueError("the value has masked elements")
        return _unmasked(np.ma.getdata(cast("Any", value)))
    if isinstance(value, np.ndarray) and cast("Any", value).dtype == object:
        return _unmasked_objects(cast("Any", value))
    if isinstance(value, list | tuple):
        plain = list(map(_unmasked, cast("Sequence[object]", value)))
        return plain if isinstance(value, list) else tuple(plain)
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).items()
        return {key: _unmasked(item) for key, item in items}
    return cast("object", value)


def _unmasked_objects(array: Any) -> object:
    plain = np.empty(array.size, object)
    for index, item in enumerate(array.reshape(-1).tolist()):
        plain[index] = _unmasked(item)
    return cast("object", plain.reshape(array.shape))
