"""A book finds which sub-step a prompt asks for, whatever the template."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tasks.core.errors import DatasetError
from tasks.core.records import Problem, SubStep
from tasks.endpoint.answers import (
    Mistake,
    StepBook,
    find_step,
    flawed_answers,
    load_mistakes,
    reference_answers,
)

HEADER = "def area(r):\n    '''Area of a disc.'''"
FIRST = SubStep("1.1", "Compute the area.", "", HEADER, "    return a", ("assert True",), "A = 1")
SECOND = SubStep(
    "1.2", "Compute the volume.", "", "def volume(r):", None, ("assert True",), "B = 2"
)
PROBLEM = Problem("1", "disc", "import math", (FIRST, SECOND))


def asks(step: SubStep, before: str = "") -> str:
    block = f"{step.function_header}\n\n{step.return_line}"
    return f"{before}\n\nNEXT\n\n{step.description}\n\n{block}\n\nUSE\n\nimport math\n"


def test_the_asked_step_is_found() -> None:
    assert find_step(asks(FIRST), [PROBLEM]) == FIRST


def test_a_missing_return_line_is_rendered_as_none() -> None:
    assert "def volume(r):\n\nNone" in asks(SECOND)
    assert find_step(asks(SECOND), [PROBLEM]) == SECOND


def test_earlier_steps_with_their_code_do_not_mislead() -> None:
    block = f"{FIRST.function_header}\n\n{FIRST.return_line}"
    before = f"{FIRST.description}\n\n{block}\n\n------"
    assert find_step(asks(SECOND, before), [PROBLEM]) == SECOND


def test_a_header_that_begins_like_another_does_not_mislead() -> None:
    longer = replace(FIRST, step_id="1.3", return_line="    return a, b")
    problem = replace(PROBLEM, sub_steps=(FIRST, longer))
    assert find_step(asks(longer), [problem]) == longer
    assert find_step(asks(FIRST), [problem]) == FIRST


def test_steps_with_the_same_header_are_told_by_their_description() -> None:
    again = replace(FIRST, step_id="1.3", description="Compute the area again, in inches.")
    problem = replace(PROBLEM, sub_steps=(FIRST, again))
    assert find_step(asks(again, FIRST.description), [problem]) == again


def test_a_step_that_two_problems_share_is_told_by_what_stands_around_it() -> None:
    other = replace(PROBLEM, problem_id="2", dependencies="import math\nimport os")
    shared = tuple(replace(step, step_id=f"2.{n}") for n, step in enumerate(PROBLEM.sub_steps, 1))
    other = replace(other, sub_steps=shared)
    assert find_step(asks(FIRST), [PROBLEM, other]) == FIRST
    assert find_step(asks(FIRST) + "import os\n", [PROBLEM, other]) == shared[0]


@pytest.mark.parametrize("prompt", ["", "Compute the area.", HEADER])
def test_a_prompt_that_asks_for_no_step_has_no_answer(prompt: str) -> None:
    assert StepBook([PROBLEM], reference_answers([PROBLEM])).answer(prompt) is None


def test_a_step_without_answer_has_none() -> None:
    assert StepBook([PROBLEM], {}).answer(asks(FIRST)) is None


def test_the_reference_answers_gold_code_in_a_block() -> None:
    assert reference_answers([PROBLEM]) == {
        "1.1": "```python\nA = 1\n```",
        "1.2": "```python\nB = 2\n```",
    }


def test_given_steps_and_steps_without_gold_have_no_reference() -> None:
    steps = (replace(FIRST, given="x"), replace(SECOND, gold=None))
    assert reference_answers([replace(PROBLEM, sub_steps=steps)]) == {}


def test_a_mistake_takes_the_place_of_gold_and_of_nothing_else() -> None:
    mistakes = (Mistake("1.2", "no_code", "prose", "Sorry."), Mistake("9.1", "x", "y", "z"))
    assert flawed_answers([PROBLEM], mistakes) == {"1.1": "```python\nA = 1\n```", "1.2": "Sorry."}


def test_mistakes_are_loaded_from_yaml(tmp_path: Path) -> None:
    path = tmp_path / "flawed.yaml"
    row = {"step_id": "1.2", "kind": "no_code", "about": "prose", "text": "Sorry.\n"}
    path.write_text(yaml.safe_dump({"mistakes": [row]}))
    assert load_mistakes(path) == (Mistake("1.2", "no_code", "prose", "Sorry.\n"),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1", "cannot read the mistakes"),
        ("other: 1", "expected a list of answers"),
        ("mistakes: []", "expected a list of answers"),
        ("mistakes: [{step_id: 1.2, kind: a, about: b, text: c}]", "mistake 1: expected"),
        ("mistakes: [{step_id: '1.2'}]", "mistake 1: expected"),
    ],
)
def test_a_file_of_another_shape_is_refused(text: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "flawed.yaml"
    path.write_text(text)
    with pytest.raises(DatasetError, match=expected):
        load_mistakes(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot read the mistakes"):
        load_mistakes(tmp_path / "absent.yaml")
