"""program -> outcome -> verdict: sandbox and judge together, for the sub-steps of a benchmark."""

from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tasks.core.records import Candidate, Ending, Job, Limits, Outcome, Problem, Reason, Verdict
from tasks.core.splitting.split import SplitCase, split_cases
from tasks.judge.client import Judge
from tasks.judge.messages import Request
from tasks.sandbox.layers import Level, LevelReport
from tasks.sandbox.pool import SandboxPool


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


class Verifier:
    """Runs programs in the sandbox and has the judge decide; safe to call from many tasks."""

    def __init__(
        self,
        plans: dict[str, StepPlan],
        targets: Path,
        workers: int,
        limits: Limits,
        required: Level = Level.STRONG,
    ) -> None:
        self._plans = plans
        self._pool = SandboxPool(workers, limits, required=required)
        self._judge = Judge(targets)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start the judge and the sandbox."""
        await self._stack.enter_async_context(self._judge)
        await self._stack.enter_async_context(self._pool)
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
        """The confinement that programs have, once the verifier is entered."""
        return self._pool.report

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
        cases = self._plans[step_id].cases
        job = Job(program, tuple(case.child for case in cases))
        outcome = await self._pool.run(job, key=step_id)
        if outcome.ending is Ending.SYNTAX_ERROR and candidate is not None and not candidate.fenced:
            return _verdict(Reason.NO_CODE, f"no code block; {outcome.detail}", outcome)
        request = Request(
            step_id,
            tuple(case.judge for case in cases),
            outcome.ending,
            outcome.detail,
            outcome.frames,
        )
        judgement = await self._judge.judge(request)
        reason = judgement.reason
        if outcome.violation and reason in (Reason.EXCEPTION, Reason.KILLED):
            reason = Reason.VIOLATION
        return _verdict(reason, judgement.detail, outcome)


def _verdict(reason: Reason, detail: str, outcome: Outcome) -> Verdict:
    return Verdict(reason, detail, outcome.duration_s, outcome.layers)
