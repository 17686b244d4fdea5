"""Runs are compared problem by problem; the figures are worked out by hand."""

import pytest

from tasks.core.errors import EvalError
from tasks.core.run_comparison import Passes, compare_runs

BEFORE: Passes = {
    "1": {"1.1": 1.0, "1.2": 1.0},
    "2": {"2.1": 1.0, "2.2": 1.0},
    "3": {"3.1": 1.0, "3.2": 0.0},
}


def all_alike(problems: int, rate: float) -> Passes:
    return {str(n): {f"{n}.1": rate} for n in range(problems)}


def test_the_interval_is_that_of_the_differences_within_problems() -> None:
    """Problem 1 loses a sub-step: d = (-1, 0, 0), s = (2, 2, 2), D = -1/6.

    e = d - D s = (-2/3, 1/3, 1/3), sum of squares 2/3, var = 3/2 * 2/3 / 36 = 1/36.
    t of 2 degrees of freedom at 97.5 % is 4.302653: -1/6 -/+ 4.302653 / 6.
    """
    after = {**BEFORE, "1": {"1.1": 1.0, "1.2": 0.0}}
    comparison = compare_runs(BEFORE, after, 0.05)
    assert comparison.difference == pytest.approx(-1 / 6)
    assert comparison.interval == pytest.approx((-0.883775, 0.550442), abs=1e-6)
    assert (comparison.lost, comparison.gained) == (("1.2",), ())
    assert not comparison.dropped(0.0)


def test_a_drop_in_nearly_every_problem_is_significant() -> None:
    """d = (-2, -2, -1), s = (2, 2, 2), D = -5/6, e = (-1/3, -1/3, 2/3), sum of squares 2/3.

    var = 3/2 * 2/3 / 36 = 1/36, and -5/6 + 4.302653 / 6 = -0.116225.
    """
    after = {problem: dict.fromkeys(steps, 0.0) for problem, steps in BEFORE.items()}
    comparison = compare_runs(BEFORE, after, 0.05)
    assert comparison.interval == pytest.approx((-1.550442, -0.116225), abs=1e-6)
    assert comparison.lost == ("1.1", "1.2", "2.1", "2.2", "3.1")
    assert comparison.dropped(0.0)
    assert comparison.dropped(0.8)
    assert not comparison.dropped(0.9)


def test_a_stricter_significance_asks_for_more() -> None:
    """t of 2 degrees of freedom at 99.5 % is 9.924843: -5/6 + 9.924843 / 6 = 0.820807."""
    after = {problem: dict.fromkeys(steps, 0.0) for problem, steps in BEFORE.items()}
    comparison = compare_runs(BEFORE, after, 0.01)
    assert comparison.interval is not None
    assert comparison.interval[1] == pytest.approx(0.820807, abs=1e-6)
    assert not comparison.dropped(0.0)


def test_the_same_run_has_not_changed() -> None:
    comparison = compare_runs(BEFORE, BEFORE, 0.05)
    assert (comparison.difference, comparison.interval) == (0.0, (0.0, 0.0))
    assert (comparison.lost, comparison.gained) == ((), ())
    assert not comparison.dropped(0.0)


def test_a_rise_is_no_drop() -> None:
    comparison = compare_runs(all_alike(8, 0.0), all_alike(8, 1.0), 0.05)
    assert comparison.interval == (1.0, 1.0)
    assert comparison.gained == tuple(f"{n}.1" for n in range(8))
    assert not comparison.dropped(0.0)


@pytest.mark.parametrize(("problems", "dropped"), [(5, False), (6, True)])
def test_where_all_problems_fall_alike_their_sign_decides(problems: int, dropped: bool) -> None:  # noqa: FBT001 - a table
    """2^(1 - 5) = 0.0625 is above 0.05, 2^(1 - 6) = 0.03125 below."""
    comparison = compare_runs(all_alike(problems, 1.0), all_alike(problems, 0.0), 0.05)
    assert comparison.difference == -1.0
    assert comparison.dropped(0.0) is dropped


def test_one_problem_tells_nothing_about_others() -> None:
    comparison = compare_runs(all_alike(1, 1.0), all_alike(1, 0.0), 0.05)
    assert (comparison.interval, comparison.lost) == (None, ("0.1",))


def test_with_repeats_a_sub_step_passes_that_passes_in_most() -> None:
    """2 of 3 is most, 1 of 2 is not; the difference counts shares: (2/3 - 1/2) / 1."""
    comparison = compare_runs({"1": {"1.1": 2 / 3}}, {"1": {"1.1": 1 / 2}}, 0.05)
    assert comparison.lost == ("1.1",)
    assert comparison.difference == pytest.approx(-1 / 6)


def test_a_problem_without_scored_sub_steps_is_passed_over() -> None:
    comparison = compare_runs({**BEFORE, "4": {}}, BEFORE, 0.05)
    assert comparison.difference == 0.0


def test_runs_of_other_sub_steps_are_refused() -> None:
    with pytest.raises(EvalError, match=r"found 2 in one of them only: 3\.1, 3\.2"):
        compare_runs(BEFORE, {"1": BEFORE["1"], "2": BEFORE["2"]}, 0.05)
    with pytest.raises(EvalError, match="found none in both"):
        compare_runs({}, {}, 0.05)
