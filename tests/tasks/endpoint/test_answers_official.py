"""Every sub-step of SciCode dev is recognised in its official prompts."""

import json
from pathlib import Path

import pytest

from tasks.core.records import Problem, SubStep
from tasks.endpoint.answers import StepBook, find_step, reference_answers

DATA = Path(__file__).parents[4] / "shared" / "data" / "scicode"
TEMPLATES = ("multistep_template.txt", "background_comment_template.txt")

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")


def problems(name: str) -> tuple[Problem, ...]:
    rows = [json.loads(line) for line in (DATA / name).read_text().splitlines()]
    return tuple(problem(row) for row in rows)


def problem(row: dict[str, object]) -> Problem:
    steps = row["sub_steps"]
    assert isinstance(steps, list)
    sub_steps = tuple(
        SubStep(
            step_id=step["step_number"],
            description=step["step_description_prompt"],
            background=step["step_background"] or "",
            function_header=step["function_header"],
            return_line=step["return_line"],
            cases=tuple(step["test_cases"] or ()),
            gold=step.get("ground_truth_code"),
        )
        for step in steps
    )
    return Problem(str(row["problem_id"]), "", str(row["required_dependencies"]), sub_steps)


def render(template: str, problem: Problem, index: int, *, background: bool) -> str:
    """Fill an official template by hand, with gold code as the chain."""
    told = [
        f"{step.description}\n{step.background}" if background else step.description
        for step in problem.sub_steps
    ]
    earlier = [
        f"{text}\n\n{step.gold or 'pass'}\n\n------"
        for text, step in zip(told[:index], problem.sub_steps, strict=False)
    ]
    step = problem.sub_steps[index]
    return (
        template.replace("{problem_steps_str}", "\n\n".join(earlier).removesuffix("\n\n------"))
        .replace(
            "{next_step_str}", f"{told[index]}\n\n{step.function_header}\n\n{step.return_line}"
        )
        .replace("{dependencies}", problem.dependencies)
    )


@pytest.mark.parametrize("name", TEMPLATES)
def test_all_50_dev_steps_are_answered_with_their_gold_code(name: str) -> None:
    dev = problems("problems_dev.jsonl")
    book = StepBook(dev, reference_answers(dev))
    template = (DATA / "upstream" / name).read_text()
    answered = 0
    for problem in dev:
        for index, step in enumerate(problem.sub_steps):
            prompt = render(template, problem, index, background=name == TEMPLATES[0])
            answer = book.answer(prompt)
            assert answer is not None, step.step_id
            assert answer.text == f"```python\n{step.gold}\n```", step.step_id
            answered += 1
    assert answered == 50


def test_steps_of_the_test_split_are_found_unless_two_problems_ask_the_same() -> None:
    test = problems("problems_test.jsonl")
    template = (DATA / "upstream" / TEMPLATES[0]).read_text()
    missed = set()
    for problem in test:
        for index, step in enumerate(problem.sub_steps):
            found = find_step(render(template, problem, index, background=True), test)
            if found is None or found.step_id != step.step_id:
                missed.add(step.step_id)
    # 46.1 and 68.1 are one and the same prompt, word for word.
    assert missed == {"68.1"}
