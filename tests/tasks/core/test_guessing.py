"""Sub-steps that can be passed by guessing are found by their cases."""

from pathlib import Path

import pytest

from flows.config import DataSettings, validate
from flows.dataset import load_dataset
from tasks.core.guessing import is_guessable
from tasks.core.records import Given
from tasks.core.splitting.split import split_cases
from tasks.dataset import load_problems

DATA = Path(__file__).parents[4] / "shared" / "data" / "scicode"


def guessable(*cases: str, literal: bool = False) -> bool:
    parts = [case.judge for case in split_cases("1.1", cases)]
    return is_guessable(parts, [literal] * len(parts))


@pytest.mark.parametrize(
    "case",
    [
        "x = f(1)\nassert (x > 0.95 and x < 1.05) == target",
        "assert (f(1) > 0) == target",
        "a, b = f(1), f(2)\nassert np.isclose(a, b) == target",
        "a, b = f(1), f(2)\nassert (a < b, a > 0) == target",
        "assert f(1) < f(2)",
        "assert not np.isnan(f(1)).any()",
    ],
)
def test_a_relation_among_the_programs_own_values_can_be_guessed(case: str) -> None:
    assert guessable(case)


@pytest.mark.parametrize(
    "case",
    [
        "assert np.allclose(f(1), target)",
        "assert f(1) == target",
        "from scicode.compare.cmp import cmp_tuple_or_list\nassert cmp_tuple_or_list(f(1), target)",
        "expected = 0.125\nassert np.allclose(f(1), expected)",
    ],
)
def test_a_comparison_with_an_expected_value_cannot(case: str) -> None:
    assert not guessable(case)


def test_a_small_literal_can_be_guessed() -> None:
    assert guessable("assert f(1) == target", literal=True)


def test_one_case_that_cannot_be_guessed_is_enough() -> None:
    assert not guessable("assert (f(1) > 0) == target", "assert np.allclose(f(1), target)")


@pytest.mark.skipif(not DATA.is_dir(), reason="SciCode's data is not there")
@pytest.mark.parametrize(
    ("problems", "targets", "known"),
    [
        ("problems_test.jsonl", "targets_test_partial.h5", {"14.2", "56.3", "59.2", "77.12"}),
        ("problems_dev.jsonl", "targets_dev.h5", {"78.2"}),
    ],
)
def test_the_guessable_sub_steps_with_targets_are_the_known_ones(
    problems: str, targets: str, known: set[str]
) -> None:
    settings = {
        "dataset": str(DATA / problems),
        "targets": DATA / targets,
        "scored": "with-targets",
    }
    assert load_dataset(validate(DataSettings, settings)).guessable == known


@pytest.mark.skipif(not DATA.is_dir(), reason="SciCode's data is not there")
def test_relations_are_found_by_the_cases_alone() -> None:
    """The known ones but 50.3 and 56.3, whose targets are plain truth values, and dev's 78.2."""
    problems = load_problems(
        DATA / "problems_test.jsonl", upstream=DATA / "upstream", given=Given.WHOLE
    ).problems
    found = {
        step.step_id
        for problem in problems
        for step in problem.sub_steps
        if step.cases and guessable(*step.cases)
    }
    assert found == {"14.2", "59.2", "59.5", "60.5", "64.6", "77.12", "80.7"}
