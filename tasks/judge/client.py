"""outcome -> verdict: the judge, as the evaluator sees it.

A comparison takes milliseconds, and one process is enough. But hostile values can keep it busy
until it is killed, so another one takes over whenever the first has not been free for a while.
"""

import asyncio
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tasks.core.judging import Judgement
from tasks.judge.messages import Request
from tasks.judge.worker import JudgeProcess

COMPARISON_S = 60.0
PROCESSES = 2
PATIENCE_S = 0.5


class Judge:
    """A few judge processes for a targets file; all but one are started only under need."""

    def __init__(
        self, targets: Path, comparison_s: float = COMPARISON_S, processes: int = PROCESSES
    ) -> None:
        self._free = [JudgeProcess(targets, comparison_s) for _ in range(processes)]
        self._all = tuple(self._free)
        self._returned = asyncio.Condition()

    async def __aenter__(self) -> Self:
        """Start a process, so that unreadable targets show before anything is judged."""
        await self._free[0].start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop all processes."""
        for process in self._all:
            await process.stop()

    async def judge(self, request: Request) -> Judgement:
        """Return the conclusion about one sub-step.

        Raises:
            SandboxError: no judge can be started, or it cannot read the targets.
        """
        process = await self._take()
        try:
            return await process.judge(request)
        finally:
            await asyncio.shield(self._give_back(process))

    async def _take(self) -> JudgeProcess:
        """Wait for a running process, or after a while for any."""
        async with self._returned:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    await self._returned.wait_for(self._is_ready)
            await self._returned.wait_for(lambda: self._free)
            chosen = next((p for p in self._free if p.is_running), self._free[0])
            self._free.remove(chosen)
            return chosen

    def _is_ready(self) -> bool:
        """Whether a running process is free, or none is worth waiting for."""
        all_free = len(self._free) == len(self._all)
        return all_free or any(process.is_running for process in self._free)

    async def _give_back(self, process: JudgeProcess) -> None:
        async with self._returned:
            self._free.append(process)
            self._returned.notify()
