"""Runs untrusted programs, a bounded number at once: job -> outcome.

The one way into the sandbox, usable by itself:

    async with SandboxPool(workers=2) as pool:
        outcome = await pool.run("x = 6 * 7")
        outcome = await pool.run(Job("x = 6 * 7", (ChildCase("", ("x",)),)))
        [x] = decode_values(outcome.frames[0])

What stands behind `run` (a zygote that forks a confined child for each job, or a fresh interpreter
where nothing can be forked) is nobody else's concern.
"""

import asyncio
import platform
import sys
from collections.abc import Collection, Mapping
from signal import SIGKILL
from types import MappingProxyType, TracebackType
from typing import Self

from tasks.core.errors import ConfigError, SandboxError
from tasks.core.records import Ending, Job, Limits, Outcome
from tasks.sandbox.admission import ALONE, Admission, Cost, revise
from tasks.sandbox.blas_core import VARIABLE, choose_blas_core
from tasks.sandbox.layers import Layer, Level, LevelReport, reaches, report_level
from tasks.sandbox.memory import available_memory_bytes, is_refused_for_others
from tasks.sandbox.nursery import Nursery
from tasks.sandbox.supervision import supervise
from tasks.sandbox.zygote_link import ZygoteEndedError

_NOTHING: Mapping[str, str] = MappingProxyType({})
_NO_COSTS: Mapping[str, Cost] = MappingProxyType({})
# The pool's own first job comes before those of others.
_FIRST = Cost(float("inf"), 0)


class SandboxPool:
    """At most `workers` children at once, as many as fit into memory, the longest first.

    Leave it and every child that still runs is killed; whoever waits for one gets `SandboxError`.
    Children see no variable of this process's environment, only fixed ones and
    `extra_environment`.

    Attributes:
        report: the level of confinement that children have, once the pool is open.
        blas_core: the processor that children's OpenBLAS computes for, None if it is left to it.
    """

    report: LevelReport
    blas_core: str | None

    def __init__(  # noqa: PLR0913 — each is a setting of its own, given by name
        self,
        workers: int,
        limits: Limits | None = None,
        *,
        python: str = sys.executable,
        extra_environment: Mapping[str, str] = _NOTHING,
        required: Level = Level.STRONG,
        without: Collection[Layer] = (),
        costs: Mapping[str, Cost] = _NO_COSTS,
        memory_bytes: int | None = None,
        admission: Admission | None = None,
        forking: bool = sys.platform == "linux",
    ) -> None:
        """Describe a pool; it starts when it is entered.

        Args:
            workers: children at once, at most the number of cores if times are to mean anything.
            limits: for every job that brings none of its own.
            python: the interpreter that runs programs; it needs nothing of this project.
            extra_environment: variables for children.
            required: below this level of confinement the pool refuses to open.
            without: layers to leave out, as on a host that lacks them.
            costs: what jobs have taken before, by their keys; the pool's `costs` of another day.
            memory_bytes: what all children may use together; by default most of what is free.
            admission: places and memory that this pool shares with others of the same event loop,
                instead of its own `workers` and `memory_bytes`.
            forking: whether children are forks of a zygote; if not, each has an interpreter.
        """
        if workers < 1:
            raise ConfigError(f"expected at least 1 sandbox worker, found {workers}")
        self._workers = workers
        self._limits = limits or Limits()
        self._memory_bytes = memory_bytes
        self._shared = admission
        self._required = required
        self._costs = dict(costs)
        core = choose_blas_core(platform.machine())
        self.blas_core = extra_environment.get(VARIABLE, core)
        pinned = {} if core is None else {VARIABLE: core}
        environment = {**pinned, **extra_environment}
        self._nursery = Nursery(python, environment, without, forking=forking)
        self._jobs: set[asyncio.Task[Outcome]] = set()
        self._open = False

    @property
    def costs(self) -> dict[str, Cost]:
        """What completed jobs with a key have taken (`revise`), for a pool of another day."""
        return dict(self._costs)

    async def __aenter__(self) -> Self:
        """Start the zygote and try it.

        Raises:
            SandboxError: it cannot be started, or this host's confinement is below `required`.
        """
        self._admission = self._shared or self._own_admission()
        await self._nursery.open()
        try:
            async with self._admission.admit(_FIRST):
                trial = await supervise(Job("", ()), self._limits, await self._nursery.spawner())
            self.report = report_level(trial.layers)
            if not reaches(self.report.level, self._required):
                raise SandboxError(
                    f"isolation {self._required} was required, found {self.report}; "
                    "or accept a lower level"
                )
        except BaseException as error:
            await self._nursery.close()
            if isinstance(error, ZygoteEndedError):
                raise SandboxError("the sandbox's zygote was killed; start again") from error
            raise
        self._open = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open = False
        jobs = tuple(self._jobs)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        await self._nursery.close()

    async def run(
        self, job: Job | str, limits: Limits | None = None, *, key: str | None = None
    ) -> Outcome:
        """Run one job; cancelling the call kills the child.

        A job that is killed beside others, as the system does for want of memory, is run once more,
        alone, before its end is believed.

        Args:
            job: the program and its cases; a bare text is a program without cases, whose outcome
                has no frames.
            limits: its own limits, instead of the pool's.
            key: names jobs that take about the same time and memory, to plan by what they took.

        Raises:
            SandboxError: the child could not be started, or the pool is closed.
            TypeError: the program is no text.
        """
        job = Job(job, ()) if isinstance(job, str) else job
        _check_text(job)
        if not self._open:
            raise SandboxError("the sandbox pool is not open; run jobs inside `async with`")
        task = asyncio.create_task(self._run(job, limits or self._limits, key))
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
        try:
            return await task
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if self._open or (caller is not None and caller.cancelling()):
                raise
            raise SandboxError("the sandbox pool was closed before the job had ended") from None

    def _own_admission(self) -> Admission:
        given = self._memory_bytes
        return Admission(self._workers, available_memory_bytes() if given is None else given)

    async def _run(self, job: Job, limits: Limits, key: str | None) -> Outcome:
        """Run a job, and once more, alone, if its end may have been others' doing.

        The system kills for want of memory without asking who took it: a job that was not known to
        need much, or one beside it. The second time nobody else is there to be blamed.
        """
        cost = None if key is None else self._costs.get(key)
        outcome = await self._run_once(job, limits, cost)
        if outcome is None:
            outcome = await self._run_once(job, limits, ALONE)
        if outcome is None:
            text = "the sandbox's zygote was killed, twice, while it ran"
            outcome = Outcome(Ending.KILLED, (), text, 0.0)
        if key is not None and outcome.ending is Ending.COMPLETED:
            seen = Cost(outcome.duration_s, outcome.peak_bytes)
            self._costs[key] = revise(self._costs.get(key), seen)
        return outcome

    async def _run_once(self, job: Job, limits: Limits, cost: Cost | None) -> Outcome | None:
        """Answer with None if the outcome tells nothing about the job."""
        async with self._admission.admit(cost) as stay:
            try:
                outcome = await supervise(job, limits, await self._nursery.spawner())
            except ZygoteEndedError:
                return None
        return None if stay.had_company and _is_doubtful(outcome) else outcome


def _check_text(job: object) -> None:
    """Refuse, as the caller's mistake, what would look like the program's once it is sent."""
    program: object = job.program if isinstance(job, Job) else job
    if not isinstance(program, str):
        raise TypeError(
            f"expected a program as str, found {type(program).__name__}; decode it before it is run"
        )


def _is_doubtful(outcome: Outcome) -> bool:
    """Whether a job may have ended so because others used too much memory."""
    if outcome.ending is Ending.OUT_OF_MEMORY:
        return is_refused_for_others()
    return outcome.ending is Ending.KILLED and outcome.signal == SIGKILL
