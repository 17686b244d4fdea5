"""prompt -> … -> verdict for one repeat of one problem: the chain of its sub-steps.

Generations follow one another, since each prompt carries the earlier candidates; the verification
of a sub-step runs beside the next generation.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field

from prefect.client.schemas.objects import State

from flows.lines import generation_line, verdict_line
from flows.progress import Counted
from flows.runtime import Runtime
from tasks.core.extraction import extract_candidate
from tasks.core.program import assemble_program
from tasks.core.prompting import render_prompt
from tasks.core.records import (
    OVERFLOW,
    Answered,
    AttemptResult,
    Candidate,
    FinishReason,
    Problem,
    StepKey,
    StepResult,
    Usage,
    Verdict,
)
from tasks.generation import generate
from tasks.verification import verify


@dataclass(slots=True)
class Attempt:
    """One repeat of one problem on its way: what was written so far, and what is being verified."""

    problem: Problem
    repeat: int
    earlier: list[str] = field(default_factory=list[str])
    usage: Usage = field(default_factory=lambda: Usage(0, 0))
    overlong: bool = False
    running: list[asyncio.Task[StepResult]] = field(default_factory=list[asyncio.Task[StepResult]])

    def start(self, work: Coroutine[None, None, StepResult]) -> None:
        """Begin a verification beside the attempt."""
        self.running.append(asyncio.create_task(work))

    async def abandon(self) -> None:
        """Give up the verifications that are under way."""
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)


async def write_attempt(runtime: Runtime, attempt: Attempt) -> None:
    """Have the model write all sub-steps in order; their verifications start on the way.

    Raises:
        ProviderError: the endpoint refused or did not answer; answers so far are kept.
    """
    try:
        for index in range(len(attempt.problem.sub_steps)):
            await _take_step(runtime, attempt, index)
    except BaseException as error:
        runtime.stop.set(error)
        raise


async def finish_attempt(attempt: Attempt) -> AttemptResult:
    """Wait for the verifications of an attempt that is written.

    Raises:
        SandboxError: a program could not be judged.
    """
    steps = await asyncio.gather(*attempt.running)
    return AttemptResult(attempt.problem.problem_id, attempt.repeat, tuple(steps), attempt.usage)


async def _take_step(runtime: Runtime, attempt: Attempt, index: int) -> None:
    problem = attempt.problem
    step = problem.sub_steps[index]
    key = StepKey(problem.problem_id, attempt.repeat, step.step_id)
    if step.given is not None:
        attempt.earlier.append(step.given)
        return
    candidate = None
    if not attempt.overlong:
        candidate = await _write_step(runtime, attempt, index, key)
    if not runtime.verifier.has(step.step_id):
        return
    if candidate is None:
        attempt.start(_fail_overlong(runtime, key))
    else:
        program = assemble_program(problem.dependencies, attempt.earlier[:index], candidate.code)
        attempt.start(_verify_step(runtime, key, program, candidate))


async def _write_step(
    runtime: Runtime, attempt: Attempt, index: int, key: StepKey
) -> Candidate | None:
    """Have the model write one sub-step; None when the prompt did not fit into its context."""
    problem = attempt.problem
    prompt = render_prompt(
        runtime.template, problem, index, attempt.earlier, background=runtime.background
    )
    runtime.stop.check()
    answered = await _answer(runtime, key, prompt)
    generation = answered.generation
    candidate = extract_candidate(generation.text)
    program = assemble_program(problem.dependencies, attempt.earlier, candidate.code)
    line = generation_line(prompt, answered, candidate, program)
    runtime.generations.append(key, line)
    runtime.progress.advance(Counted.GENERATIONS)
    attempt.usage = attempt.usage + generation.usage
    if generation.finish_reason is FinishReason.OVERLONG:
        attempt.overlong = True
        return None
    attempt.earlier.append(candidate.code)
    return candidate


async def _answer(runtime: Runtime, key: StepKey, prompt: str) -> Answered:
    result = await generate(runtime.model, key.problem_id, key.repeat, key.step_id, prompt)
    return await result.aresult() if isinstance(result, State) else result


async def _verify_step(
    runtime: Runtime, key: StepKey, program: str, candidate: Candidate
) -> StepResult:
    try:
        verdict = await verify(runtime.verifier, key.repeat, key.step_id, program, candidate)
    except Exception as error:
        # The chain may be waiting for an answer: no further sub-step is worth paying for.
        runtime.stop.set(error)
        raise
    return _record(runtime, key, verdict)


async def _fail_overlong(runtime: Runtime, key: StepKey) -> StepResult:
    return _record(runtime, key, OVERFLOW)


def _record(runtime: Runtime, key: StepKey, verdict: Verdict) -> StepResult:
    runtime.verdicts.append(key, verdict_line(verdict))
    runtime.progress.advance(Counted.VERIFICATIONS)
    return StepResult.of(key.step_id, verdict)
