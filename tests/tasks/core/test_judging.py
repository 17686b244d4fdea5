"""Shipped values become a judgement; what is ours to get wrong is never one."""

import numpy as np
import pytest

from tasks.core.errors import EvalError, SandboxError, TargetError
from tasks.core.judging import (
    MAX_DETAIL,
    BadValueError,
    Judgement,
    describe_kind,
    judge_outcome,
)
from tasks.core.records import Ending, Reason
from tasks.core.splitting.split import split_cases


def judge(cases, values, targets=(), ending=Ending.COMPLETED, detail=""):
    """Judge cases over the values that each frame holds, and a target for each case."""
    parts = [part.judge for part in split_cases("1.1", cases)]
    frames = [lambda frame=frame: frame for frame in values]
    return judge_outcome(parts, ending, detail, frames, lambda number: targets[number - 1])


ALLCLOSE = "assert np.allclose(f(1), target)"


def test_all_cases_must_hold():
    assert judge([ALLCLOSE, ALLCLOSE], [[1.0], [2.0]], [1.0, 2.0]) == Judgement(Reason.PASSED)


def test_the_first_case_that_does_not_hold_decides():
    judgement = judge([ALLCLOSE] * 3, [[1.0], [5.0], [7.0]], [1.0, 2.0, 3.0])
    assert judgement.reason is Reason.WRONG_ANSWER
    assert judgement.detail == (
        "case 2 does not hold: np.allclose(f(1), target); found 5.0, rtol 1e-05, atol 1e-08"
    )


def test_a_wrong_answer_before_an_exception_is_a_wrong_answer():
    judgement = judge([ALLCLOSE] * 2, [[5.0]], [1.0, 2.0], Ending.RAISED, "ValueError: x")
    assert judgement.reason is Reason.WRONG_ANSWER


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (Ending.RAISED, Reason.EXCEPTION),
        (Ending.SYNTAX_ERROR, Reason.EXCEPTION),
        (Ending.TIMED_OUT, Reason.TIMEOUT),
        (Ending.OUT_OF_MEMORY, Reason.MEMORY),
        (Ending.KILLED, Reason.KILLED),
        (Ending.UNSHIPPABLE, Reason.BAD_VALUE),
        (Ending.OVERSIZED, Reason.BAD_VALUE),
        (Ending.GARBLED, Reason.BAD_VALUE),
    ],
)
def test_an_ending_before_the_last_case_is_the_reason(ending, reason):
    judgement = judge([ALLCLOSE] * 2, [[1.0]], [1.0, 2.0], ending, "what happened")
    assert judgement == Judgement(reason, "what happened")


def test_all_values_and_a_bad_end_are_no_pass():
    assert judge([ALLCLOSE], [[1.0]], [1.0], Ending.KILLED).reason is Reason.KILLED


@pytest.mark.parametrize("frames", [[], [[1.0], [1.0]]])
def test_a_frame_is_expected_for_each_case(frames):
    judgement = judge([ALLCLOSE], frames, [1.0])
    assert judgement == Judgement(Reason.BAD_VALUE, f"{len(frames)} frames shipped for 1 cases")


@pytest.mark.parametrize("values", [[], [1.0, 1.0]])
def test_a_value_is_expected_for_each_slot(values):
    judgement = judge([ALLCLOSE], [values], [1.0])
    assert judgement.reason is Reason.BAD_VALUE
    assert judgement.detail == f"case 1: {len(values)} values shipped, expected 1"


def test_bytes_that_are_no_frame_are_a_bad_value():
    def decode():
        raise BadValueError("not a frame")

    parts = [part.judge for part in split_cases("1.1", [ALLCLOSE])]
    judgement = judge_outcome(parts, Ending.COMPLETED, "", [decode], lambda _: 1.0)
    assert judgement == Judgement(Reason.BAD_VALUE, "case 1: not a frame")


def nested(value):
    objects = np.empty(1, object)
    objects[0] = value
    return objects


MASKED = np.ma.array([5.0], mask=[True])


@pytest.mark.parametrize("value", [MASKED, [MASKED], ({"a": MASKED},), nested(MASKED)])
def test_a_masked_element_agrees_with_nothing(value):
    assert judge([ALLCLOSE], [[value]], [5.0]).reason is Reason.BAD_VALUE


def test_a_masked_array_without_masked_elements_is_its_data():
    value = np.ma.array([5.0], mask=[False])
    assert judge([ALLCLOSE], [[value]], [5.0]).reason is Reason.PASSED


@pytest.mark.parametrize(
    ("case", "values", "target"),
    [
        (ALLCLOSE, [np.zeros((0, 1))], np.ones(3)),
        ("assert np.isclose(f(1), target).all()", [np.zeros((0, 1))], np.ones(3)),
        ("assert np.all(f(1) == target)", [np.zeros((0, 1))], np.ones(3)),
        ("assert (f(1) > 0).all() == target", [np.zeros(0)], True),
        ("assert all(i > 0 for i in f(1)) == target", [[]], True),
        ("assert not f(1).any() and (f(1) > 2).all(axis=0)", [np.zeros(0), np.zeros(0)], None),
    ],
)
def test_a_comparison_of_no_elements_does_not_hold(case, values, target):
    judgement = judge([case], [values], [target])
    assert judgement.reason is Reason.WRONG_ANSWER
    assert "no elements" in judgement.detail


@pytest.mark.parametrize(
    "value",
    [
        "text",
        None,
        {"a": 1.0},
        {1.0},
        [[1.0], [1.0, 2.0]],
        np.array("2020-01-01", "M8[D]"),
        range(9),
    ],
)
def test_a_value_of_another_kind_is_a_wrong_answer(value):
    assert judge([ALLCLOSE], [[value]], [np.ones(3)]).reason is Reason.WRONG_ANSWER


def test_kinds_are_told_where_they_differ():
    judgement = judge([ALLCLOSE], [[np.ones(2)]], [np.ones((3, 3))])
    assert judgement.detail == (
        "case 1 cannot be compared (ValueError): np.allclose(f(1), target); "
        "shipped ndarray (2,) of float64, target ndarray (3, 3) of float64"
    )


def test_neither_values_nor_targets_are_told():
    case = "assert f(1) == float(target)"
    judgement = judge([case], [["candidate 1234"]], ["secret 5678"])
    assert judgement.reason is Reason.WRONG_ANSWER
    assert "5678" not in judgement.detail
    judgement = judge([ALLCLOSE], [[np.array([12.0])]], [np.array([56.0])])
    assert "56" not in judgement.detail


def test_a_detail_is_cut():
    case = f"assert f('{'x' * 5000}') == target"
    assert len(judge([case], [[np.ones(2)]], [1.0]).detail) <= MAX_DETAIL


def test_too_much_memory_is_a_bad_value():
    # 2**50 numbers of 8 bytes.
    case = "assert (np.zeros(f(1)) > 0).any() == target"
    judgement = judge([case], [[2**50]], [False])
    assert judgement == Judgement(Reason.BAD_VALUE, "case 1: the comparison needs too much memory")


def test_a_failing_target_is_an_error_and_no_verdict():
    def missing(_):
        raise TargetError("no such case")

    parts = [part.judge for part in split_cases("1.1", [ALLCLOSE])]
    with pytest.raises(TargetError, match="no such case"):
        judge_outcome(parts, Ending.COMPLETED, "", [lambda: [1.0]], missing)


def test_no_memory_for_a_target_is_an_error_and_no_verdict():
    def scarce(_):
        raise MemoryError

    parts = [part.judge for part in split_cases("1.1", [ALLCLOSE])]
    with pytest.raises(SandboxError, match="memory for the target of case 1"):
        judge_outcome(parts, Ending.COMPLETED, "", [lambda: [1.0]], scarce)


def test_an_absent_target_is_an_error_and_no_verdict():
    with pytest.raises(TargetError, match="expected a target for case 1, found none"):
        judge([ALLCLOSE], [[1.0]], [None])


def test_a_case_without_target_asks_for_none():
    assert judge(["assert f(1) == None"], [[None]]).reason is Reason.PASSED


@pytest.mark.parametrize("value", [1.0, "x", None, [], MASKED])
def test_glue_that_fails_is_an_error_whatever_was_shipped(value):
    with pytest.raises(EvalError, match="the benchmark's own part of `f\\(1\\) == a` failed"):
        judge(["a, b = target\nassert f(1) == a"], [[value]], [(1, 2, 3)])


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (np.ones((2, 3)), "ndarray (2, 3) of float64"),
        ([1, 2], "list of 2"),
        ({"a": 1}, "dict of 1"),
        ("secret", "str"),
        (None, "NoneType"),
        (1, "number"),
        (np.complex128(1), "number"),
        (True, "boolean"),
        (np.True_, "boolean"),
    ],
)
def test_kinds_are_named_without_the_value(value, kind):
    assert describe_kind(value) == kind
