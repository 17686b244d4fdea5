"""Problem -> prompt: render the text that asks the model for one sub-step.

Byte for byte the official chain: a background follows its description on the next line, a missing
return line renders as "None", and the previous block's last separator is dropped.
"""

import string
from collections.abc import Sequence

from tasks.core.errors import DatasetError
from tasks.core.records import Problem, SubStep

PLACEHOLDERS = ("problem_steps_str", "next_step_str", "dependencies")

SEPARATOR = "------"


def check_template(text: str, where: str) -> None:
    """Refuse a prompt template that does not use exactly the known placeholders.

    Args:
        text: the template.
        where: what to call it in a message, such as its path.

    Raises:
        DatasetError: a placeholder is unknown, missing or malformed.
    """
    found = _placeholders(text, where)
    unknown = [name for name in found if name not in PLACEHOLDERS]
    missing = [name for name in PLACEHOLDERS if name not in found]
    if unknown:
        raise _refusal(where, f"unknown placeholder {{{unknown[0]}}}")
    if missing:
        raise _refusal(where, f"no placeholder {{{missing[0]}}}")


def render_prompt(
    template: str, problem: Problem, index: int, earlier: Sequence[str], *, background: bool
) -> str:
    """Render the prompt for the sub-step at `index`.

    Args:
        template: a text that passed `check_template`.
        problem: the problem.
        index: position of the sub-step, from 0.
        earlier: code of every sub-step before it, candidates and given code alike.
        background: whether the scientific background is shown.
    """
    step = problem.sub_steps[index]
    parts: list[str] = []
    for old, code in zip(problem.sub_steps[:index], earlier, strict=True):
        parts += [_describe(old, background=background), code, SEPARATOR]
    asked = (_describe(step, background=background), step.function_header, str(step.return_line))
    return template.format(
        problem_steps_str="\n\n".join(parts[:-1]),
        next_step_str="\n\n".join(asked),
        dependencies=problem.dependencies,
    )


def _describe(step: SubStep, *, background: bool) -> str:
    return f"{step.description}\n{step.background}" if background else step.description


def _placeholders(text: str, where: str) -> list[str]:
    try:
        fields = list(string.Formatter().parse(text))
    except ValueError as error:
        raise _refusal(where, f"a malformed placeholder ({error})") from error
    names: list[str] = []
    for _, name, spec, conversion in fields:
        if name is None:
            continue
        if spec or conversion:
            written = name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
            raise _refusal(where, f"a placeholder with a format, {{{written}}}")
        names.append(name)
    return names


def _refusal(where: str, found: str) -> DatasetError:
    expected = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    return DatasetError(
        f"prompt template {where}: expected the placeholders {expected} and no others, found "
        f"{found}; correct the template, and write a literal brace twice ({{{{ or }}}})"
    )
