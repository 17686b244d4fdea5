"""A detail says where values differ; what the target is stays untold unless it is revealed."""

import numpy as np
import pytest
from scipy import sparse

from tasks.core.judging import MAX_DETAIL, judge_outcome
from tasks.core.records import Ending, Reason
from tasks.core.splitting.split import split_cases

DIGITS = "73519"
T = 73519.0


def judge(case, found, target, *, reveal=False):
    parts = [part.judge for part in split_cases("1.1", [case])]
    values = [found] * len(parts[0].slots)
    return judge_outcome(
        parts, Ending.COMPLETED, "", [lambda: values], lambda _: target, reveal=reveal
    )


CLOSE = "assert np.allclose(f(1), target)"
ITEMS = "from scicode.compare.cmp import cmp_tuple_or_list\nassert cmp_tuple_or_list(f(1), target)"
DICTS = "from scicode.compare.cmp import are_dicts_close\nassert are_dicts_close(f(1), target)"
SPARSE = (
    "from scicode.compare.cmp import are_csc_matrix_close\n"
    "assert are_csc_matrix_close(f(1), target)"
)
EQUAL = "assert f(1) == target"

WRONG = [
    (CLOSE, 2.5, T, "found 2.5, rtol 1e-05, atol 1e-08"),
    ("assert np.allclose(target, f(1))", 2.5, T, "found 2.5, rtol 1e-05"),
    ("assert np.allclose(f(1), target, 0.1, 0.2)", 2.5, T, "rtol 0.1, atol 0.2"),
    ("assert np.allclose(f(1), target, atol=0.5)", 2.5, T, "rtol 1e-05, atol 0.5"),
    (CLOSE, np.array([1, 2.5]), np.array([1, T]), "difference at element [1], found 2.5"),
    (CLOSE, np.eye(2), np.array([[1, T], [0, 1]]), "element [0, 1], found 0.0"),
    ("assert np.isclose(f(1), target).all()", np.ones(2), np.array([1, T]), "element [1]"),
    (ITEMS, (1.0, 2.5), (1.0, T), "item 1, found 2.5"),
    (ITEMS, (1.0, np.ones(2)), (1.0, np.array([1, T])), "item 1, element [1], found 1.0"),
    (DICTS, {"a": 1.0, "b": 2.5}, {"a": 1.0, "b": T}, "key 'b', found 2.5"),
    (SPARSE, sparse.csc_matrix(np.eye(2)), sparse.csc_matrix([[1, 0], [T, 1]]), "element [1, 0]"),
    (EQUAL, 4, 73519, "found 4"),
    (EQUAL, "abc", "73519", "found 'abc'"),
    (EQUAL, (1, 2), (1, 73519), "item 1, found 2"),
    ("assert (f(1) == target).all()", np.array([1, 2]), np.array([1, 73519]), "element [1], found"),
    ("assert f(1) == 4 and np.allclose(f(2), target)", 4, T, "found 4, rtol"),
]


@pytest.mark.parametrize(("case", "found", "target", "said"), WRONG)
def test_the_place_the_found_value_and_the_tolerance_are_told_and_the_target_is_not(
    case, found, target, said
):
    judgement = judge(case, found, target)
    assert judgement.reason is Reason.WRONG_ANSWER
    assert said in judgement.detail
    assert DIGITS not in judgement.detail


@pytest.mark.parametrize(("case", "found", "target"), [row[:3] for row in WRONG])
def test_a_revealed_target_is_told_beside_what_was_found(case, found, target):
    detail = judge(case, found, target, reveal=True).detail
    assert DIGITS in detail
    assert "found" in detail


@pytest.mark.parametrize(
    "case",
    [
        "assert np.allclose(f(1) - target, 0)",
        "assert np.allclose(f(1) / target, 1)",
        "a = target\nassert np.allclose(f(1) - a, 0)",
        "assert all(np.allclose(i - j, 0) for i, j in zip([f(1)], [target]))",
        "assert np.allclose(f(1), 7, atol=target * 1e-9)",
    ],
)
def test_what_was_computed_from_the_target_is_not_told(case):
    # 2.0 - 73519 = -73517, 2 / 73519 = 2.72e-5, 73519e-9 = 7.35e-5
    detail = judge(case, 2.0, T).detail
    assert not any(digits in detail for digits in ("7351", "2.72", "7.35"))


def test_a_true_that_should_be_false_is_told():
    assert "found True" in judge(EQUAL, found=True, target=False).detail


def test_broadcasting_is_told_also_where_the_case_holds():
    judgement = judge(CLOSE, np.ones(3), np.ones((1, 3)))
    assert judgement.reason is Reason.PASSED
    assert judgement.detail == "case 1: compared by broadcasting, shapes (3,) and (1, 3)"


@pytest.mark.parametrize("found", [np.float64(1.0), np.ones((1, 3))])
def test_a_scalar_or_an_equal_shape_is_no_broadcasting(found):
    assert judge(CLOSE, found, np.ones((1, 3))).detail == ""


def test_broadcasting_is_told_where_the_case_does_not_hold():
    detail = judge(CLOSE, np.ones(3), np.zeros((1, 3))).detail
    assert "compared by broadcasting, shapes (3,) and (1, 3)" in detail


@pytest.mark.parametrize(
    "found",
    ["x" * 10**7, 2**100_000, b"\xff" * 10**6, [[[]]] * 1000, np.ones(10**6), {"k": [1] * 10**5}],
    ids=["text", "integer", "bytes", "nested", "array", "dictionary"],
)
@pytest.mark.parametrize("case", [CLOSE, EQUAL, ITEMS, DICTS])
@pytest.mark.parametrize("reveal", [False, True])
def test_values_that_defy_description_are_wrong_answers_with_a_short_detail(case, found, reveal):
    judgement = judge(case, found, T, reveal=reveal)
    assert judgement.reason is Reason.WRONG_ANSWER
    assert len(judgement.detail) <= MAX_DETAIL // 2
