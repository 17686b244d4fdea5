"""Runs untrusted programs, a bounded number at once: program -> outcome.

The one way into the sandbox. What stands behind `SandboxPool.run` (here, a fresh interpreter for
each job) is nobody else's concern.
"""

import asyncio
import sys
from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from typing import Self

from tasks.core.errors import ConfigError, SandboxError
from tasks.core.records import Job, Limits, Outcome
from tasks.sandbox.launch import Interpreter
from tasks.sandbox.supervision import supervise

_NOTHING: Mapping[str, str] = MappingProxyType({})


class SandboxPool:
    """At most `workers` children at once, first come, first served.

    Leave it and every child that still runs is killed; whoever waits for one gets `SandboxError`.
    Children see no variable of this process's environment, only fixed ones and
    `extra_environment`.
    """

    def __init__(
        self,
        workers: int,
        limits: Limits,
        python: str = sys.executable,
        extra_environment: Mapping[str, str] = _NOTHING,
    ) -> None:
        if workers < 1:
            raise ConfigError(f"expected at least 1 sandbox worker, found {workers}")
        self._limits = limits
        self._interpreter = Interpreter(python, dict(extra_environment))
        self._slots = asyncio.Semaphore(workers)
        self._jobs: set[asyncio.Task[Outcome]] = set()
        self._open = False

    async def __aenter__(self) -> Self:
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

    async def run(self, job: Job, limits: Limits | None = None) -> Outcome:
        """Run one job, under its own limits if given; cancelling the call kills the child.

        Raises:
            SandboxError: the child could not be started, or the pool is closed.
        """
        if not self._open:
            raise SandboxError("the sandbox pool is not open; run jobs inside `async with`")
        task = asyncio.create_task(self._run(job, limits or self._limits))
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
        try:
            return await task
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if self._open or (caller is not None and caller.cancelling()):
                raise
            raise SandboxError("the sandbox pool was closed before the job had ended") from None

    async def _run(self, job: Job, limits: Limits) -> Outcome:
        async with self._slots:
            return await supervise(job, limits, self._interpreter)
