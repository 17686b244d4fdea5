"""What the flows of one evaluation share: services, log files and the stop signal.

Flow parameters are stored by the server and must be plain data, so live objects travel in a
context variable, which subflows of the same event loop inherit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from flows.progress import Progress
from tasks.core.records import Problem
from tasks.generation import Generator
from tasks.run_directory import LineLog
from tasks.verifier import Verifier


class StopSignal:
    """Set by the first failure: no further request is sent, answers in flight are still kept."""

    def __init__(self) -> None:
        self._error: BaseException | None = None

    def set(self, error: BaseException) -> None:
        """Remember the first error."""
        self._error = self._error or error

    def check(self) -> None:
        """Raise the first error again, if there was one."""
        if self._error is not None:
            raise self._error


@dataclass(frozen=True, slots=True)
class Runtime:
    """The services of one evaluation."""

    problems: dict[str, Problem]
    template: str
    background: bool
    repeats: int
    generator: Generator
    verifier: Verifier
    generations: LineLog
    verdicts: LineLog
    progress: Progress
    stop: StopSignal = field(default_factory=StopSignal)


_RUNTIME: ContextVar[Runtime] = ContextVar("runtime")


def current_runtime() -> Runtime:
    """Return the services of the evaluation that this flow belongs to."""
    return _RUNTIME.get()


@contextmanager
def runtime_in_use(runtime: Runtime) -> Iterator[None]:
    """Make the services known to the subflows called inside."""
    token = _RUNTIME.set(runtime)
    try:
        yield
    finally:
        _RUNTIME.reset(token)
