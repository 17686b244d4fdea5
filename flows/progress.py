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


class LoggedProgress:
    """Nobody watches a terminal, as in a run that a server started: its log gets the lines."""

    def expect(self, counted: Counted, total: int) -> None:
        """Ignore the total."""

    def advance(self, counted: Counted, number: int = 1) -> None:
        """Ignore the step."""

    def note(self, text: str) -> None:
        """Write the line into the log of the flow run."""
        from prefect.logging import get_run_logger

        get_run_logger().info(text)
