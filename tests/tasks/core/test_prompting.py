"""Prompts have the official layout, and templates with other placeholders are refused."""

import re

import pytest

from tasks.core.errors import DatasetError
from tasks.core.prompting import check_template, render_prompt
from tasks.core.records import Problem, SubStep

TEMPLATE = "STEPS\n{problem_steps_str}\nNEXT\n{next_step_str}\nDEPS\n{dependencies}\n{{end}}"


def step(number: int, return_line: str | None = "    return x") -> SubStep:
    return SubStep(
        step_id=f"1.{number}",
        description=f"D{number}",
        background=f"B{number}",
        function_header=f"def f{number}():",
        return_line=return_line,
        cases=("assert True",),
    )


PROBLEM = Problem("1", "P", "import math", (step(1), step(2), step(3, return_line=None)))


def test_the_first_prompt_shows_no_earlier_steps() -> None:
    prompt = render_prompt(TEMPLATE, PROBLEM, 0, (), background=True)

    assert prompt == (
        "STEPS\n\nNEXT\nD1\nB1\n\ndef f1():\n\n    return x\nDEPS\nimport math\n{end}"
    )


def test_earlier_steps_carry_their_code_and_the_last_separator_is_dropped() -> None:
    prompt = render_prompt(TEMPLATE, PROBLEM, 2, ("\ncode1\n", "code2"), background=True)

    assert prompt == (
        "STEPS\nD1\nB1\n\n\ncode1\n\n\n------\n\nD2\nB2\n\ncode2\n"
        "NEXT\nD3\nB3\n\ndef f3():\n\nNone\nDEPS\nimport math\n{end}"
    )


def test_without_background_only_the_descriptions_stand() -> None:
    prompt = render_prompt(TEMPLATE, PROBLEM, 1, ("code1",), background=False)

    assert "D1\n\ncode1\nNEXT\nD2\n\ndef f2():" in prompt


def test_braces_in_code_are_left_alone() -> None:
    prompt = render_prompt(
        TEMPLATE, PROBLEM, 1, ("d = {}; f'{x}'; '{dependencies}'",), background=False
    )

    assert "d = {}; f'{x}'; '{dependencies}'" in prompt


def test_code_for_another_number_of_earlier_steps_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        render_prompt(TEMPLATE, PROBLEM, 2, ("only one",), background=True)


def test_a_template_with_the_three_placeholders_is_accepted() -> None:
    check_template(TEMPLATE, "here")


def test_a_placeholder_may_stand_twice() -> None:
    check_template(TEMPLATE + "{dependencies}", "here")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (TEMPLATE + "{extra}", "unknown placeholder {extra}"),
        (TEMPLATE + "{}", "unknown placeholder {}"),
        (TEMPLATE + "{0}", "unknown placeholder {0}"),
        (TEMPLATE + "{dependencies.x}", "unknown placeholder {dependencies.x}"),
        (TEMPLATE.replace("{dependencies}", ""), "no placeholder {dependencies}"),
        (TEMPLATE.replace("{dependencies}", "{{dependencies}}"), "no placeholder {dependencies}"),
        (TEMPLATE + "{", "malformed"),
        (TEMPLATE + "}", "malformed"),
        (TEMPLATE + "{dependencies", "malformed"),
        (TEMPLATE.replace("{dependencies}", "{dependencies!r}"), "{dependencies!r}"),
        (TEMPLATE.replace("{dependencies}", "{dependencies:>9}"), "{dependencies:>9}"),
        (TEMPLATE.replace("{dependencies}", "{dependencies:{x}}"), "{dependencies:{x}}"),
        ("", "no placeholder {problem_steps_str}"),
    ],
)
def test_any_other_template_is_refused_with_its_fault(text: str, found: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(found)) as caught:
        check_template(text, "my.txt")

    message = str(caught.value)
    assert "my.txt" in message
    assert "{problem_steps_str}, {next_step_str}, {dependencies}" in message
    assert "{{ or }}" in message
