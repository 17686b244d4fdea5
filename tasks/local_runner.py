"""program -> outcome -> verdict: a sandbox for each environment, and a judge, on this machine."""

from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import scipy

from tasks.core.records import Ending, Environment, Job, Outcome, Problem, Reason, Verdict
from tasks.core.splitting.split import SplitCase
from tasks.cost_store import CostStore
from tasks.dependencies import find_unimportable
from tasks.judge.client import Judge
from tasks.judge.messages import Request
from tasks.runner import Terms, Work
from tasks.sandbox.admission import Admission
from tasks.sandbox.layers import LevelReport, rank
from tasks.sandbox.memory import available_memory_bytes
from tasks.sandbox.pool import SandboxPool

JUDGE_LIBRARIES = (f"numpy {np.__version__}", f"scipy {scipy.__version__}")


class LocalRunner:
    """At most `workers` programs at once, over all environments; safe to call from many tasks."""

    def __init__(
        self,
        cases: Mapping[str, tuple[SplitCase, ...]],
        targets: Path,
        workers: int,
        terms: Terms,
        environments: tuple[Environment, ...],
        costs: CostStore | None = None,
    ) -> None:
        """Describe a runner; it starts when it is entered.

        Args:
            cases: of every sub-step that programs come for.
            targets: what they are judged by.
            workers: programs at once.
            terms: what programs may use.
            environments: where they run, at least one.
            costs: what programs took in earlier runs, to plan by and to add to.
        """
        self._cases = cases
        self._workers = workers
        self._terms = terms
        self._environments = environments
        self._costs = costs
        self._pools: dict[str, SandboxPool] = {}
        self._judge = Judge(targets)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start the judge and the sandboxes.

        Raises:
            SandboxError: one cannot be started, or confines less than it must.
        """
        # All environments together never have more children than there are places.
        shared = Admission(self._workers, available_memory_bytes())
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._judge)
            for environment in self._environments:
                pool = self._make_pool(environment, shared, stack)
                self._pools[environment.name] = await stack.enter_async_context(pool)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop all of them; no child survives."""
        await self._stack.__aexit__(kind, error, trace)

    @property
    def environments(self) -> tuple[Environment, ...]:
        """Where programs run."""
        return self._environments

    @property
    def isolation(self) -> LevelReport:
        """The confinement that programs have, the weakest of all environments', once entered."""
        return min((pool.report for pool in self._pools.values()), key=lambda r: rank(r.level))

    @property
    def blas_core(self) -> str | None:
        """The processor that programs' OpenBLAS computes for, once entered."""
        return next(iter(self._pools.values())).blas_core

    @property
    def judge_libraries(self) -> tuple[str, ...]:
        """The versions of what compares."""
        return JUDGE_LIBRARIES

    async def find_unimportable(self, problems: Iterable[Problem]) -> dict[str, str]:
        """Return the problems whose dependencies are missing in every environment, and why."""
        asked = tuple(problems)
        missing = [await find_unimportable(pool, asked) for pool in self._pools.values()]
        return {
            problem_id: reason
            for problem_id, reason in missing[0].items()
            if all(problem_id in found for found in missing)
        }

    async def run(self, work: Work) -> Verdict:
        """Run a program once and have the judge decide.

        Raises:
            SandboxError: the sandbox or the judge could not do its work; no verdict.
        """
        cases = self._cases[work.step_id]
        job = Job(work.program, tuple(case.child for case in cases))
        limits = self._terms.limits_of(work.step_id)
        outcome = await self._pools[work.environment].run(job, limits, key=work.step_id)
        if outcome.ending is Ending.SYNTAX_ERROR and not work.fenced:
            return _verdict(Reason.NO_CODE, f"no code block; {outcome.detail}", outcome)
        request = Request(
            work.step_id,
            tuple(case.judge for case in cases),
            outcome.ending,
            outcome.detail,
            outcome.frames,
            reveal=self._terms.reveal,
        )
        judgement = await self._judge.judge(request)
        reason = judgement.reason
        if outcome.violation and reason in (Reason.EXCEPTION, Reason.KILLED):
            reason = Reason.VIOLATION
        return _verdict(reason, judgement.detail, outcome)

    def _make_pool(
        self, environment: Environment, shared: Admission, stack: AsyncExitStack
    ) -> SandboxPool:
        """Make a pool that plans by what programs took in earlier runs, and remembers it."""
        store = self._costs
        known = {} if store is None else store.load(environment.sha256)
        pool = SandboxPool(
            self._workers,
            self._terms.limits,
            python=environment.python,
            required=self._terms.required,
            costs=known,
            admission=shared,
        )
        if store is not None:
            stack.callback(lambda: store.save(environment.sha256, known, pool.costs))
        return pool


def _verdict(reason: Reason, detail: str, outcome: Outcome) -> Verdict:
    return Verdict(reason, detail, outcome.duration_s, outcome.layers)
