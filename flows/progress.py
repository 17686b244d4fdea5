"""What a running evaluation tells whoever watches: totals, and steps done."""

from enum import StrEnum
from typing import Protocol


class Counted(StrEnum):
    """What is counted while an evaluation runs."""

    PROBLEMS = "problems"
    GENERATIONS = "generations"
    VERIFICATIONS = "verifications"


class Progress(Protocol):
    """Receives the course of an evaluation."""

    def expect(self, counted: Counted, total: int) -> None:
        """Announce how many there will be."""
        ...

    def advance(self, counted: Counted, number: int = 1) -> None:
        """Tell that so many more are done."""
        ...

    def note(self, text: str) -> None:
        """Tell something once, in one line."""
        ...


class SilentProgress:
    """Nobody watches, as in a run that a server started."""

    def expect(self, counted: Counted, total: int) -> None:
        """Ignore the total."""

    def advance(self, counted: Counted, number: int = 1) -> None:
        """Ignore the step."""

    def note(self, text: str) -> None:
        """Ignore the line."""
