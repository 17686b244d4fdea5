"""program -> outcome -> verdict: sandbox and judge together, for the sub-steps of a benchmark.

A program runs in every environment that is asked for, and again where its verdict is to be
confirmed; `tasks.core.rulings` makes one verdict of several.
"""

import asyncio
import sys
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

import numpy as np
import scipy

from tasks.core.records import (
    Candidate,
    Ending,
    Environment,
    Job,
    Limits,
    Outcome,
    Problem,
    Reason,
    Verdict,
)
from tasks.core.rulings import Confirmation, rule_environments, rule_tries
from tasks.core.splitting.split import SplitCase, split_cases
from tasks.core.verdict_keys import Conditions
from tasks.cost_store import CostStore
from tasks.dependencies import find_unimportable
from tasks.judge.client import Judge
from tasks.judge.messages import Request
from tasks.sandbox.admission import Admission
from tasks.sandbox.layers import Level, LevelReport, rank
from tasks.sandbox.memory import available_memory_bytes
from tasks.sandbox.pool import SandboxPool
from tasks.verdict_memory import VerdictMemory, Verification


@dataclass(frozen=True, slots=True)
class StepPlan:
    """The cases of one scored sub-step, cut in two."""

    step_id: str
    cases: tuple[SplitCase, ...]


def plan_steps(problems: Iterable[Problem], scored: frozenset[str]) -> dict[str, StepPlan]:
    """Cut the cases of every scored sub-step.

    Raises:
        DatasetError: a case cannot be cut; the message names it.
    """
    return {
        step.step_id: StepPlan(step.step_id, split_cases(step.step_id, step.cases))
        for problem in problems
        for step in problem.sub_steps
        if step.step_id in scored
    }


@dataclass(frozen=True, slots=True)
class VerifierOptions:
    """What a verifier may be told besides the usual.

    `environments` are where programs run, this interpreter if there are none; `step_limits` take
    the place of the usual limits for some sub-steps; `reveal` lets details quote targets; `memory`
    knows verdicts of earlier runs, and `costs` what their programs took.
    """

    environments: tuple[Environment, ...] = ()
    step_limits: Mapping[str, Limits] = field(default_factory=lambda: MappingProxyType({}))
    confirmation: Confirmation = field(default_factory=Confirmation)
    reveal: bool = False
    memory: VerdictMemory | None = None
    costs: CostStore | None = None


_USUAL = VerifierOptions()
_JUDGE_LIBRARIES = (f"numpy {np.__version__}", f"scipy {scipy.__version__}")


class Verifier:
    """Runs programs in the sandbox and has the judge decide; safe to call from many tasks.

    Attributes:
        programs_run: how many programs ran, tries and environments counted apart; a verdict that
            is known from earlier needs none.
    """

    programs_run: int

    def __init__(
        self,
        plans: Mapping[str, StepPlan],
        targets: Path,
        workers: int,
        limits: Limits,
        required: Level = Level.STRONG,
        options: VerifierOptions = _USUAL,
    ) -> None:
        self._plans = plans
        self._limits = limits
        self._required = required
        self._options = options
        self.programs_run = 0
        self._workers = workers
        self._environments = options.environments or (Environment("current", sys.executable, ""),)
        self._pools: dict[str, SandboxPool] = {}
        self._judge = Judge(targets)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start the judge and the sandbox."""
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
        """Stop both; no child survives."""
        await self._stack.__aexit__(kind, error, trace)

    @property
    def isolation(self) -> LevelReport:
        """The confinement that programs have, the weakest of all environments', once entered."""
        return min((pool.report for pool in self._pools.values()), key=lambda r: rank(r.level))

    @property
    def blas_core(self) -> str | None:
        """The processor that programs' OpenBLAS computes for, once entered."""
        return next(iter(self._pools.values())).blas_core

    @property
    def environments(self) -> tuple[Environment, ...]:
        """Where programs run."""
        return self._environments

    async def find_unimportable(self, problems: Iterable[Problem]) -> dict[str, str]:
        """Return the problems whose dependencies are missing in every environment, and why."""
        asked = tuple(problems)
        missing = [await find_unimportable(pool, asked) for pool in self._pools.values()]
        return {
            problem_id: reason
            for problem_id, reason in missing[0].items()
            if all(problem_id in found for found in missing)
        }

    def has(self, step_id: str) -> bool:
        """Whether the sub-step is scored."""
        return step_id in self._plans

    async def verify(self, step_id: str, program: str, candidate: Candidate | None) -> Verdict:
        """Run a program with the cases of its sub-step and judge what it ships.

        Args:
            step_id: a scored sub-step.
            program: the full source.
            candidate: the sub-step's own code in it, None where only the program is known.

        Raises:
            SandboxError: the sandbox or the judge could not do its work; no verdict.
        """
        if candidate is not None and not candidate.code.strip():
            return Verdict(Reason.NO_CODE, "the generation holds no code")
        confirmation = self._options.confirmation
        work = Verification(step_id, program, candidate, self._plans[step_id].cases)
        first = await self._try(work)
        further = range(1, 1 + confirmation.further_tries(first))
        tries = await asyncio.gather(*(self._try(replace(work, try_index=n)) for n in further))
        return rule_tries((first, *tries), confirmation.rule)

    async def _try(self, work: Verification) -> Verdict:
        """Verify once in every environment."""
        verdicts = await asyncio.gather(*(self._recall(work, e) for e in self._environments))
        names = (environment.name for environment in self._environments)
        return rule_environments(tuple(zip(names, verdicts, strict=True)))

    async def _recall(self, work: Verification, environment: Environment) -> Verdict:
        """Take the verdict that is known, or find it out and keep it."""
        memory = self._options.memory
        pool, limits = self._pools[environment.name], self._limits_of(work.step_id)
        # Without a name for what is installed, a verdict could not be told from an older one.
        if memory is None or not environment.sha256:
            return await self._run(work, pool, limits)
        reveal = self._options.reveal
        conditions = Conditions(
            environment.sha256, limits, reveal, pool.blas_core, _JUDGE_LIBRARIES
        )
        known = memory.recall(work, conditions, self._required)
        if known is not None:
            return known
        verdict = await self._run(work, pool, limits)
        memory.keep(work, conditions, verdict)
        return verdict

    async def _run(self, work: Verification, pool: SandboxPool, limits: Limits) -> Verdict:
        """Run the program and have the judge decide."""
        self.programs_run += 1
        job = Job(work.program, tuple(case.child for case in work.cases))
        outcome = await pool.run(job, limits, key=work.step_id)
        unfenced = work.candidate is not None and not work.candidate.fenced
        if outcome.ending is Ending.SYNTAX_ERROR and unfenced:
            return _verdict(Reason.NO_CODE, f"no code block; {outcome.detail}", outcome)
        request = Request(
            work.step_id,
            tuple(case.judge for case in work.cases),
            outcome.ending,
            outcome.detail,
            outcome.frames,
            reveal=self._options.reveal,
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
        store = self._options.costs
        known = {} if store is None else store.load(environment.sha256)
        pool = SandboxPool(
            self._workers,
            self._limits,
            python=environment.python,
            required=self._required,
            costs=known,
            admission=shared,
        )
        if store is not None:
            stack.callback(lambda: store.save(environment.sha256, known, pool.costs))
        return pool

    def _limits_of(self, step_id: str) -> Limits:
        return self._options.step_limits.get(step_id, self._limits)


def _verdict(reason: Reason, detail: str, outcome: Outcome) -> Verdict:
    return Verdict(reason, detail, outcome.duration_s, outcome.layers)
