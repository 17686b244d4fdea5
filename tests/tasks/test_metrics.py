"""The metrics stage hands every attempt to the scores and states what they are over."""

import pytest

from tasks.core.errors import EvalError
from tasks.core.protocols import Benchmark
from tasks.core.records import AttemptResult, Problem, Reason, StepResult, SubStep, Usage
from tasks.metrics import aggregate, given_counts, problem_table


def attempt(problem_id: str, repeat: int, *reasons: Reason) -> AttemptResult:
    steps = tuple(StepResult(f"{problem_id}.{n}", reason) for n, reason in enumerate(reasons, 1))
    return AttemptResult(problem_id, repeat, steps, Usage(10, 1))


ATTEMPTS = [
    attempt("1", 0, Reason.PASSED, Reason.PASSED),
    attempt("1", 1, Reason.PASSED, Reason.TIMEOUT),
    attempt("2", 0, Reason.NO_CODE),
    attempt("2", 1, Reason.PASSED),
]


def test_the_document_has_every_metric_with_its_denominator() -> None:
    document = aggregate.fn(ATTEMPTS, {}, {"model": "m"}, None, restricted=False)
    metrics = document["metrics"]
    # 4 of 6 sub-steps, 2 of 4 attempts; the runs have 2/3 and 2/3, so they do not differ.
    assert metrics["subtask_accuracy"]["value"] == pytest.approx(4 / 6)
    assert metrics["subtask_accuracy"]["denominator"] == 6
    assert metrics["mean/problem_accuracy"]["value"] == 0.5
    assert metrics["subtask_accuracy/std_dev_across_runs"]["value"] == 0.0
    assert metrics["mean/total_tokens"]["value"] == 11.0
    assert document["reasons"] == {"passed": 4, "no_code": 1, "timeout": 1}
    assert document["failures"] == {"own": 2, "inherited": 0, "by_source": {}}
    assert document["details"] == {"model": "m"}


def test_own_problems_serve_no_published_protocol() -> None:
    assert aggregate.fn(ATTEMPTS, {}, {}, None, restricted=False)["protocols"] == []


def test_a_part_of_a_benchmark_serves_no_published_protocol() -> None:
    document = aggregate.fn(ATTEMPTS, {}, {}, Benchmark.SCICODE, restricted=False)
    assert document["protocols"] == []


def test_attempts_without_anything_scored_are_refused() -> None:
    with pytest.raises(EvalError, match="expected attempts with scored sub-steps"):
        aggregate.fn([attempt("1", 0)], {}, {}, None, restricted=False)


def sub_step(step_id: str, given: str | None = None) -> SubStep:
    return SubStep(step_id, "", "", "def f():", None, (), given=given)


PROBLEMS = [
    Problem("10", "ten", "", (sub_step("10.1"),)),
    Problem("2", "two", "", (sub_step("2.1", "x = 1"), sub_step("2.2", "y = 1"), sub_step("2.3"))),
]


def test_given_sub_steps_are_counted_where_there_are_any() -> None:
    assert given_counts(PROBLEMS) == {"2": 2}


def test_the_table_has_a_row_for_each_problem_in_natural_order() -> None:
    attempts = [attempt("10", 0, Reason.PASSED), attempt("2", 0, Reason.MEMORY)]
    table = problem_table(attempts, PROBLEMS)
    assert table[["problem", "name", "passed", "scored"]].values.tolist() == [
        ["2", "two", 0, 1],
        ["10", "ten", 1, 1],
    ]
