"""What the flows of one evaluation share: services, settings and log files.

Flow parameters are stored by the server and must be plain data, so live objects travel in a
context variable, which subflows of the same event loop inherit.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from flows.live import CountedProgress
from flows.turns import Turns
from tasks.core.records import AttemptResult, Extraction, Problem, StepKey
from tasks.core.spending import Price, Spent
from tasks.generation import CachedModel
from tasks.run_directory import LineLog
from tasks.stop_signal import StopSignal
from tasks.verifier import Verifier


@dataclass(frozen=True, slots=True)
class Runtime:
    """The services of one evaluation.

    `spent` is what every generation took, `attempts` are the finished ones; `unanswered` holds, for
    each that stays unscored, the first generation that is missing, and why. `flow_runs` are those
    of the problems, by problem.
    """

    problems: dict[str, Problem]
    template: str
    background: bool
    extraction: Extraction
    repeats: int
    model: CachedModel
    verifier: Verifier
    generations: LineLog
    verdicts: LineLog
    progress: CountedProgress
    price: Price | None
    turns: Turns
    stop: StopSignal
    spent: list[Spent] = field(default_factory=list[Spent])
    attempts: list[AttemptResult] = field(default_factory=list[AttemptResult])
    unanswered: dict[StepKey, str] = field(default_factory=dict[StepKey, str])
    flow_runs: dict[str, str] = field(default_factory=dict[str, str])


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
