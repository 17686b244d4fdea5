"""program -> verdict: what a verdict on a sub-step of a benchmark takes, wherever programs run.

A program runs in every environment that is asked for, and again where its verdict is to be
confirmed; `tasks.core.rulings` makes one verdict of several. `tasks.runner` says who runs it.
"""

import asyncio
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from tasks.core.records import Candidate, Environment, Limits, Problem, Reason, Verdict
from tasks.core.rulings import Confirmation, rule_environments, rule_tries
from tasks.core.splitting.split import SplitCase, split_cases
from tasks.core.verdict_keys import Conditions
from tasks.cost_store import CostStore
from tasks.local_runner import LocalRunner
from tasks.runner import Runner, Terms, Work
from tasks.sandbox.layers import Level, LevelReport
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


def cases_of(plans: Mapping[str, StepPlan]) -> dict[str, tuple[SplitCase, ...]]:
    """Return the cases of every plan, by sub-step."""
    return {step_id: plan.cases for step_id, plan in plans.items()}


@dataclass(frozen=True, slots=True)
class VerifierOptions:
    """What a verifier may be told besides the usual.

    `environments` are where programs run, this interpreter if there are none; `step_limits` take
    the place of the usual limits for some sub-steps; `reveal` lets details quote targets; `memory`
    knows verdicts of earlier runs, and `costs` what their programs took; `runner` runs them
    elsewhere, with environments and costs of its own.
    """

    environments: tuple[Environment, ...] = ()
    step_limits: Mapping[str, Limits] = field(default_factory=lambda: MappingProxyType({}))
    confirmation: Confirmation = field(default_factory=Confirmation)
    reveal: bool = False
    memory: VerdictMemory | None = None
    costs: CostStore | None = None
    runner: Runner | None = None


_USUAL = VerifierOptions()


class Verifier:
    """Has programs run and judged; safe to call from many tasks.

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
        self._options = options
        self._terms = Terms(limits, options.step_limits, required, options.reveal)
        self._under_way: dict[str, asyncio.Event] = {}
        self.programs_run = 0
        self._runner = options.runner or LocalRunner(
            cases_of(plans),
            targets,
            workers,
            self._terms,
            options.environments or (Environment("current", sys.executable, ""),),
            options.costs,
        )

    async def __aenter__(self) -> Self:
        """Start what runs programs and judges them."""
        await self._runner.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it; no child survives."""
        await self._runner.__aexit__(kind, error, trace)

    @property
    def isolation(self) -> LevelReport:
        """The confinement that programs have, the weakest of all environments', once entered."""
        return self._runner.isolation

    @property
    def blas_core(self) -> str | None:
        """The processor that programs' OpenBLAS computes for, once entered."""
        return self._runner.blas_core

    @property
    def environments(self) -> tuple[Environment, ...]:
        """Where programs run; known once entered where they run elsewhere."""
        return self._runner.environments

    async def find_unimportable(self, problems: Iterable[Problem]) -> dict[str, str]:
        """Return the problems whose dependencies are missing in every environment, and why."""
        return await self._runner.find_unimportable(problems)

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
        places = self.environments
        verdicts = await asyncio.gather(*(self._recall(work, place) for place in places))
        names = (environment.name for environment in places)
        return rule_environments(tuple(zip(names, verdicts, strict=True)))

    async def _recall(self, work: Verification, environment: Environment) -> Verdict:
        """Take the verdict that is known, or find it out and keep it."""
        memory = self._options.memory
        # Without a name for what is installed, a verdict could not be told from an older one.
        if memory is None or not environment.sha256:
            return await self._run(work, environment)
        conditions = Conditions(
            environment.sha256,
            self._terms.limits_of(work.step_id),
            self._terms.reveal,
            self._runner.blas_core,
            self._runner.judge_libraries,
        )
        key = memory.key(work, conditions)
        known = memory.cache.get(key, self._terms.required)
        if known is None and key in self._under_way:
            # The same program is running for another repeat: its verdict is worth waiting for.
            await self._under_way[key].wait()
            known = memory.cache.get(key, self._terms.required)
        if known is not None:
            return known
        ended = self._under_way.setdefault(key, asyncio.Event())
        try:
            verdict = await self._run(work, environment)
            memory.cache.put(key, work.step_id, verdict)
        finally:
            self._under_way.pop(key, None)
            ended.set()
        return verdict

    async def _run(self, work: Verification, environment: Environment) -> Verdict:
        self.programs_run += 1
        fenced = work.candidate is None or work.candidate.fenced
        return await self._runner.run(Work(environment.name, work.step_id, work.program, fenced))
