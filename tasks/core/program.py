"""Candidate -> program: the full source that the sandbox executes for one sub-step.

Nothing is stripped: blank lines at the edges of dependencies and candidates stay, and a first
sub-step gets the empty line of its absent predecessors. Line numbers in tracebacks depend on it.
"""

from collections.abc import Sequence


def assemble_program(dependencies: str, earlier: Sequence[str], candidate: str) -> str:
    """Join the dependencies, the code of every earlier sub-step and this candidate."""
    previous = "\n".join(earlier)
    return f"{dependencies}\n{previous}\n\n{candidate}"
