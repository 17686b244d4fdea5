"""generation, its other end: who answers what when an endpoint of our own stands in for a model.

A book answers a prompt or knows no answer. `StepBook` recognises the sub-step that a prompt asks
for, in the official and in our own wording alike, because every template shows the next step's
description followed by its header and return line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import yaml

from tasks.core.errors import DatasetError
from tasks.core.loose_json import fields, items
from tasks.core.records import FinishReason, Problem, SubStep, Usage


@dataclass(frozen=True, slots=True)
class Answer:
    """What the endpoint says; `usage` is None where nobody counted its tokens."""

    text: str
    finish_reason: FinishReason = FinishReason.STOP
    usage: Usage | None = None


class Book(Protocol):
    """Known answers."""

    def answer(self, prompt: str, name: str = "", /) -> Answer | None:
        """Return the answer to a prompt in a request of that name; None if the book has none."""
        ...


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong answer of the `flawed` model: to which sub-step, of which kind, and its text."""

    step_id: str
    kind: str
    about: str
    text: str


@dataclass(frozen=True, slots=True)
class StepBook:
    """Answers by sub-step: `answers` maps a step id to the whole answer text."""

    problems: Sequence[Problem]
    answers: Mapping[str, str]

    def answer(self, prompt: str, _name: str = "", /) -> Answer | None:
        """Answer the sub-step that a prompt asks for."""
        step = find_step(prompt, self.problems)
        text = None if step is None else self.answers.get(step.step_id)
        return None if text is None else Answer(text)


def find_step(prompt: str, problems: Sequence[Problem]) -> SubStep | None:
    """Find the sub-step that a prompt asks for.

    Earlier steps stand in the prompt too, so of all sub-steps whose description and header occur,
    it is the one whose header starts last; of two that start together, the longer. Problems share
    sub-steps word for word (60.1, 64.1 and 77.1), so what stands around them decides at last.
    """
    ranked = [
        (_rank(prompt, problem, index), step)
        for problem in problems
        for index, step in enumerate(problem.sub_steps)
        if _header_block(step) in prompt and step.description in prompt
    ]
    return max(ranked, key=lambda pair: pair[0])[1] if ranked else None


def reference_answers(problems: Sequence[Problem]) -> dict[str, str]:
    """Answer every sub-step that the model has to write with its gold code."""
    return {
        step.step_id: f"```python\n{step.gold}\n```"
        for problem in problems
        for step in problem.sub_steps
        if step.gold is not None and step.given is None
    }


def flawed_answers(problems: Sequence[Problem], mistakes: Sequence[Mistake]) -> dict[str, str]:
    """Answer with gold code, except where a mistake is to be made."""
    reference = reference_answers(problems)
    wrong = {mistake.step_id: mistake.text for mistake in mistakes}
    return {step_id: wrong.get(step_id, text) for step_id, text in reference.items()}


def load_mistakes(path: Path) -> tuple[Mistake, ...]:
    """Read the mistakes of a YAML file: `mistakes:` with step_id, kind, about, text for each.

    Raises:
        DatasetError: the file cannot be read or an entry lacks a field.
    """
    try:
        loaded: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise DatasetError(f"cannot read the mistakes in {path}: {error}") from error
    rows = items(fields(loaded).get("mistakes"))
    if not rows:
        raise DatasetError(f"{path}: expected a list of answers under `mistakes:`, found none")
    return tuple(_mistake(row, f"{path}: mistake {number}") for number, row in enumerate(rows, 1))


def _mistake(row: object, where: str) -> Mistake:
    found = fields(row)
    values = [found.get(name) for name in ("step_id", "kind", "about", "text")]
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) < len(values):
        raise DatasetError(
            f"{where}: expected the strings step_id, kind, about and text, found "
            f"{sorted(found)}; put a step id in quotes, or YAML reads it as a number"
        )
    return Mistake(*texts)


def _header_block(step: SubStep) -> str:
    """Rebuild what a prompt shows of a sub-step; a missing return line is rendered as None."""
    return f"{step.function_header}\n\n{step.return_line}"


def _rank(prompt: str, problem: Problem, index: int) -> tuple[int, ...]:
    """Order sub-steps by how well they fit the end of the chain in a prompt."""
    step, earlier = problem.sub_steps[index], problem.sub_steps[:index]
    block = _header_block(step)
    described = prompt.rfind(step.description) + len(step.description)
    chained = all(before.description in prompt for before in earlier)
    return (
        prompt.rfind(block),
        len(block),
        described,
        len(step.description),
        index if chained else -1,
        len(problem.dependencies) if problem.dependencies in prompt else -1,
    )
