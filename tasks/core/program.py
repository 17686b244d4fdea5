"""Candidate -> program: the full source that the sandbox executes for one sub-step.

Nothing is stripped: blank lines at the edges of dependencies and candidates stay, and a first
sub-step gets the empty line of its absent predecessors. Line numbers in tracebacks depend on it.
"""

import re
from collections.abc import Sequence

_LINE_END = re.compile(r"\r\n|\r|\n")


def assemble_program(dependencies: str, earlier: Sequence[str], candidate: str) -> str:
    """Join the dependencies, the code of every earlier sub-step and this candidate."""
    previous = "\n".join(earlier)
    return f"{dependencies}\n{previous}\n\n{candidate}"


def lines_of_candidates(dependencies: str, codes: Sequence[str]) -> tuple[range, ...]:
    """Return the lines that each code has in the program of the last of them, counted from 1."""
    ranges: list[range] = []
    line = 1 + _line_ends(dependencies) + 1
    for index, code in enumerate(codes):
        if index == len(codes) - 1:
            # An empty line stands before the candidate, and for the earlier ones if there are none.
            line += 1 if index else 2
        ranges.append(range(line, line + _line_ends(code) + 1))
        line = ranges[-1].stop
    return tuple(ranges)


def _line_ends(text: str) -> int:
    return sum(1 for _ in _LINE_END.finditer(text))
