from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.core.errors import EvalError
from tasks.core.records import AttemptResult, Reason, StepResult, Usage
from tasks.core.scoring import by_problem, check_complete, score

PASSED, WRONG, TIMEOUT = Reason.PASSED, Reason.WRONG_ANSWER, Reason.TIMEOUT
NAMES = [
    "subtask_accuracy",
    "mean/problem_accuracy",
    "mean/reward",
    "mean/num_steps_passed",
    "mean/num_steps_total",
    "mean/input_tokens",
    "mean/output_tokens",
    "mean/total_tokens",
]


def attempt(
    problem: str, repeat: int, reasons: Sequence[Reason], tokens: tuple[int, int] = (0, 0)
) -> AttemptResult:
    steps = tuple(StepResult(f"{problem}.{i}", r) for i, r in enumerate(reasons, start=1))
    return AttemptResult(problem, repeat, steps, Usage(*tokens))


# Problem 2 has two scored sub-steps, problem 10 one, problem 1 only given ones.
REPEAT_0 = (
    attempt("2", 0, [PASSED, PASSED], (10, 1)),
    attempt("10", 0, [WRONG], (20, 2)),
    attempt("1", 0, [], (30, 3)),
)
REPEAT_1 = (
    attempt("2", 1, [PASSED, TIMEOUT], (12, 1)),
    attempt("10", 1, [WRONG], (22, 2)),
    attempt("1", 1, [], (32, 3)),
)
BOTH = REPEAT_0 + REPEAT_1


@pytest.mark.parametrize(
    ("name", "numerator", "denominator", "over"),
    [
        ("subtask_accuracy", 2 + 1, 3 + 3, "scored sub-steps"),
        # Only problem 2 in repeat 0 is solved, of two problems that can be, twice.
        ("mean/problem_accuracy", 1, 4, "scored attempts"),
        ("mean/reward", 1, 4, "scored attempts"),
        ("mean/num_steps_passed", 3, 4, "scored attempts"),
        ("mean/num_steps_total", 6, 4, "scored attempts"),
        ("mean/input_tokens", 10 + 20 + 30 + 12 + 22 + 32, 6, "attempts"),
        ("mean/output_tokens", 12, 6, "attempts"),
        ("mean/total_tokens", 138, 6, "attempts"),
        # 2.1 passed twice, 2.2 once, 10.1 never: 1 + 1/2 + 0.
        ("pass@1/subtask", 1.5, 3, "distinct scored sub-steps"),
        ("pass@2/subtask", 2, 3, "distinct scored sub-steps"),
        # Problem 2 is solved once in two repeats, problem 10 never.
        ("pass@1/problem", 0.5, 2, "scored problems"),
        ("pass@2/problem", 1, 2, "scored problems"),
    ],
)
def test_every_metric_states_what_it_is_over(
    name: str, numerator: float, denominator: int, over: str
) -> None:
    metric = score(BOTH)[name]
    assert (metric.numerator, metric.denominator, metric.over) == (numerator, denominator, over)
    assert metric.value == numerator / denominator


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("subtask_accuracy", 0.235702),  # 2/3 and 1/3: sqrt(2 * (1/6)^2)
        ("mean/problem_accuracy", 0.353553),  # 1/2 and 0: sqrt(2 * (1/4)^2)
        ("mean/reward", 0.353553),
        ("mean/num_steps_passed", 0.353553),  # 2/2 and 1/2
        ("mean/num_steps_total", 0.0),  # 3/2 and 3/2
        ("mean/input_tokens", 1.414214),  # 60/3 and 66/3: sqrt(2)
        ("mean/output_tokens", 0.0),  # 6/3 and 6/3
        ("mean/total_tokens", 1.414214),  # 66/3 and 72/3
    ],
)
def test_the_spread_is_that_of_the_repeats(name: str, expected: float) -> None:
    metric = score(BOTH)[f"{name}/std_dev_across_runs"]
    assert metric.value == pytest.approx(expected, abs=1e-6)
    assert (metric.numerator, metric.denominator, metric.over) == (None, 2, "repeats")


def test_one_repeat_has_neither_spread_nor_pass_at_k() -> None:
    assert list(score(REPEAT_0)) == NAMES


def test_names_come_in_a_fixed_order_each_spread_after_its_metric() -> None:
    spreads = [name for n in NAMES for name in (n, f"{n}/std_dev_across_runs")]
    passes = ["pass@1/subtask", "pass@1/problem", "pass@2/subtask", "pass@2/problem"]
    assert list(score(BOTH)) == spreads + passes


def test_one_sub_step_passed_twice_by_three_repeats_gives_pass_at_k_by_hand() -> None:
    # 1 - C(1,k)/C(3,k): 2/3, 1 - 0/3 = 1, 1.
    attempts = [attempt("1", r, [reason]) for r, reason in enumerate([PASSED, WRONG, PASSED])]
    metrics = score(attempts)
    values = [metrics[f"pass@{k}/subtask"].value for k in (1, 2, 3)]
    assert values == [pytest.approx(2 / 3), 1.0, 1.0]


def test_pass_at_1_is_the_headline_with_the_same_interval() -> None:
    # Problems pass 3/4 and 2/4: var = 2 * (1/4 + 1/4) / 64 = 1/64, n_eff = 15/64 * 64 = 15, cut
    # to the 8 observations behind the 4 distinct sub-steps.
    attempts = [
        attempt("1", 0, [PASSED, PASSED]),
        attempt("1", 1, [PASSED, WRONG]),
        attempt("2", 0, [PASSED, WRONG]),
        attempt("2", 1, [WRONG, PASSED]),
    ]
    metrics = score(attempts)
    headline, first = metrics["subtask_accuracy"], metrics["pass@1/subtask"]
    assert first.value == headline.value == 5 / 8
    assert first.interval == pytest.approx(headline.interval)


def test_the_headline_interval_takes_all_repeats_of_a_problem_together() -> None:
    # Clusters 3/4 and 0/2: R = 1/2, e = 1, -1, var = 2 * 2/36 = 1/9, n_eff = 9/4,
    # c = 161.447638 / 2.25 = 71.754506, half = sqrt(c/4 + c^2/4) / (1 + c) = 0.496552.
    interval = score(BOTH)["subtask_accuracy"].interval
    assert interval == pytest.approx((0.003448, 0.996552), abs=1e-5)


def test_the_token_interval_is_over_problem_means() -> None:
    # Means 11, 21, 31: s = 10, half = 4.302653 * 10 / sqrt(3) = 24.841377.
    interval = score(BOTH)["mean/input_tokens"].interval
    assert interval == pytest.approx((0, 45.841377), abs=1e-5)


def test_the_number_of_steps_is_known_and_has_no_interval() -> None:
    assert score(BOTH)["mean/num_steps_total"].interval is None


def test_a_problem_with_only_given_steps_adds_nothing_but_its_tokens() -> None:
    without = [a for a in BOTH if a.problem_id != "1"]
    all_of_it, part = score(BOTH), score(without)
    changed = {name for name in all_of_it if all_of_it[name] != part[name]}
    assert {name.split("/")[1] for name in changed} == {
        "input_tokens",
        "output_tokens",
        "total_tokens",
    }


REASONS = st.sampled_from([PASSED, WRONG, TIMEOUT])


@st.composite
def evaluations(draw: st.DrawFn) -> list[AttemptResult]:
    repeats = draw(st.integers(1, 4))
    sizes = [1, *draw(st.lists(st.integers(0, 5), max_size=5))]
    return [
        attempt(str(i), r, draw(st.lists(REASONS, min_size=n, max_size=n)), (i, r))
        for i, n in enumerate(sizes)
        for r in range(repeats)
    ]


@settings(deadline=None, max_examples=60)
@given(evaluations(), st.randoms(use_true_random=False))
def test_no_metric_depends_on_the_order_of_attempts(attempts, random) -> None:
    shuffled = random.sample(attempts, len(attempts))
    assert score(shuffled) == score(attempts)


@settings(deadline=None, max_examples=60)
@given(evaluations())
def test_every_interval_contains_its_value(attempts: list[AttemptResult]) -> None:
    for name, metric in score(attempts).items():
        if metric.interval:
            low, high = metric.interval
            assert 0 <= low <= metric.value <= high
            assert name.startswith("mean/num") or name.endswith("tokens") or high <= 1


@settings(deadline=None, max_examples=60)
@given(evaluations())
def test_pass_at_k_never_falls_with_k(attempts: list[AttemptResult]) -> None:
    metrics = score(attempts)
    for unit in ("subtask", "problem"):
        values = [m.value for name, m in metrics.items() if name.endswith(f"/{unit}")]
        assert values == sorted(values)


def test_repeats_need_not_start_at_zero() -> None:
    assert score(REPEAT_1)["subtask_accuracy"].value == pytest.approx(1 / 3)


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(EvalError, match="found none in 0 attempts"):
        score([])


def test_attempts_without_any_scored_step_are_refused() -> None:
    with pytest.raises(EvalError, match="found none in 1 attempts"):
        score([attempt("1", 0, [])])


def test_an_unscored_step_is_not_a_failed_one() -> None:
    attempts = [attempt("3", 0, [PASSED, Reason.UNSCORED]), attempt("4", 0, [PASSED])]
    with pytest.raises(EvalError, match=r"found 1 unscored, first 3\.2 \(repeat 0\)"):
        score(attempts)


def test_an_attempt_that_comes_twice_is_refused() -> None:
    with pytest.raises(EvalError, match=r"problem 2, found repeats \[0, 0\]"):
        score([*REPEAT_0, REPEAT_0[0]])


def test_an_attempt_that_is_missing_is_refused() -> None:
    with pytest.raises(EvalError, match=r"\[0, 1\] of problem 1 and \[0\] of problem 10"):
        score([a for a in BOTH if a is not REPEAT_1[1]])


def test_repeats_that_score_different_steps_are_refused() -> None:
    attempts = [attempt("2", 0, [PASSED, PASSED]), attempt("2", 1, [PASSED])]
    with pytest.raises(EvalError, match=r"found \['2\.1'\] in repeat 1"):
        score(attempts)


def test_a_step_that_comes_twice_in_an_attempt_is_refused() -> None:
    step = StepResult("2.1", PASSED)
    with pytest.raises(EvalError, match=r"found \['2\.1', '2\.1'\] in repeat 0"):
        check_complete([AttemptResult("2", 0, (step, step), Usage(0, 0))])


def test_attempts_group_by_problem_in_natural_order() -> None:
    groups = by_problem(reversed(BOTH))
    assert [(g[0].problem_id, [a.repeat for a in g]) for g in groups] == [
        ("1", [0, 1]),
        ("2", [0, 1]),
        ("10", [0, 1]),
    ]
