"""Programs -> candidates: takes the chain of one attempt apart again, by the format of a program.

A program is dependencies, earlier candidates and its own; see `program`. Where programs of the
chain are missing (sub-steps that are not scored), what they would have held is a piece of no
sub-step.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tasks.core.program import assemble_program
from tasks.core.records import Problem, SubStep, Verdict

_DEFINED = re.compile(r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Link:
    """One piece of a chain; `step` is None where nobody knows whose code it is, and `verdict`
    where the sub-step is not scored."""

    code: str
    step: SubStep | None = None
    verdict: Verdict | None = None

    @property
    def failed(self) -> bool:
        """Whether it is scored and did not pass."""
        return self.verdict is not None and not self.verdict.passed


def recover_chain(
    problem: Problem, programs: Mapping[str, str], verdicts: Mapping[str, Verdict]
) -> tuple[Link, ...]:
    """Take the programs of one repeat of one problem apart.

    A program that is not of the format gets no link, and its code counts as unknown in later ones.

    Args:
        problem: the problem.
        programs: the programs by their sub-steps; some may be missing.
        verdicts: the verdicts by their sub-steps.
    """
    steps = problem.sub_steps
    links: list[Link] = []
    unknown = False
    for index, step in enumerate(steps):
        head = _Head(problem.dependencies, tuple(link.code for link in links), unknown)
        later = (programs[s.step_id] for s in steps[index + 1 :] if s.step_id in programs)
        program = programs.get(step.step_id)
        if step.given is not None:
            pieces = () if head.gap else (step.given,)
        elif program is None:
            pieces = ()
        else:
            pieces = _pieces(head, step.function_header, program, next(later, None))
        unknown = not pieces
        links += [Link(code) for code in pieces[:-1]]
        links += [Link(code, step, verdicts.get(step.step_id)) for code in pieces[-1:]]
    return tuple(links)


def header_names(header: str) -> tuple[str, ...]:
    """Return the names that a sub-step was asked to define."""
    return tuple(_DEFINED.findall(header))


@dataclass(frozen=True, slots=True)
class _Head:
    """The known beginning of a program; `gap` where unknown code follows it."""

    dependencies: str
    earlier: tuple[str, ...]
    gap: bool


def _pieces(head: _Head, header: str, program: str, following: str | None) -> tuple[str, ...]:
    """Return the code of a sub-step, behind what is unknown before it; nothing if it is not found.

    The next program of the chain tells where the two meet: it has one newline fewer there. The
    last program is cut before the name that its header asks for.
    """
    if not head.gap:
        before = assemble_program(head.dependencies, head.earlier, "")
        return (program[len(before) :],) if program.startswith(before) else ()
    before = "".join(f"{code}\n" for code in (head.dependencies, *head.earlier))
    if not program.startswith(before):
        return ()
    rest = program[len(before) :]
    if following is None:
        return _cut_by_header(rest, header)
    return _cut_by_next(rest, following[len(before) :]) if following.startswith(before) else ()


def _cut_by_header(rest: str, header: str) -> tuple[str, ...]:
    wanted = header_names(header)[:1]
    places = [match.start() for match in _DEFINED.finditer(rest) if match.group(1) in wanted]
    return _cut_at(rest, rest.rfind("\n\n", 0, places[-1])) if places else ()


def _cut_by_next(rest: str, following: str) -> tuple[str, ...]:
    place = _common_length(rest, following)
    while place > 0 and rest[place - 1] == "\n":
        place -= 1
    if not following.startswith(f"{rest[:place]}\n{rest[place + 2 :]}\n"):
        return ()
    return _cut_at(rest, place)


def _cut_at(rest: str, place: int) -> tuple[str, ...]:
    if place < 0 or not rest.startswith("\n\n", place):
        return ()
    return rest[:place], rest[place + 2 :]


def _common_length(one: str, other: str) -> int:
    """Count the equal characters at the beginning, by halving."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one.startswith(other[low:middle], low):
            low = middle
        else:
            high = middle - 1
    return low
