"""What the flows of one evaluation share: services, log files and the stop signal.

Flow parameters are stored by the server and must be plain data, so live objects travel in a
context variable, which subflows of the same event loop inherit.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from flows.progress import Progress
from tasks.core.records import Problem
from tasks.generation import CachedModel
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


class Turns:
    """Limits how many problems are being written at once, first come first served.

    A problem that is written leaves early, so that a slow verification holds up no generation.
    """

    def __init__(self, live: int) -> None:
        self._slots = asyncio.Semaphore(live)
        self._inside: set[str] = set()

    @asynccontextmanager
    async def turn(self, problem_id: str) -> AsyncGenerator[None]:
        """Wait for a turn, and leave at the end at the latest."""
        await self._slots.acquire()
        self._inside.add(problem_id)
        try:
            yield
        finally:
            self.leave(problem_id)

    def leave(self, problem_id: str) -> None:
        """Let the next problem in; a second time does nothing."""
        if problem_id in self._inside:
            self._inside.remove(problem_id)
            self._slots.release()


@dataclass(frozen=True, slots=True)
class Runtime:
    """The services of one evaluation."""

    problems: dict[str, Problem]
    template: str
    background: bool
    repeats: int
    model: CachedModel
    verifier: Verifier
    generations: LineLog
    verdicts: LineLog
    progress: Progress
    turns: Turns
    stop: StopSignal = field(default_factory=StopSignal)


_RUNTIME: ContextVar[Runtime] = ContextVar("runtime")


def current_runtime() -> Runtime:
    """Return the services of the evaluation that this flow belongs to."""
    return _RUNTIME.get()


@contextmanager
def runtime_in_use(runtime: Runtime) -> Generator[None]:
    """Make the services known to the subflows called inside."""
    token = _RUNTIME.set(runtime)
    try:
        yield
    finally:
        _RUNTIME.reset(token)
