"""prompt -> … -> verdict for one repeat of one problem: the chain of its sub-steps.

Generations follow one another, since each prompt carries the earlier candidates; the verification
of a sub-step runs beside the next generation.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger

from flows.failures import find_inherited, step_results
from flows.lines import generation_line, verdict_line
from flows.progress import Counted
from flows.runtime import Runtime
from tasks.core.chain import Link
from tasks.core.errors import UnansweredError
from tasks.core.extraction import take_candidate
from tasks.core.judging import MAX_DETAIL
from tasks.core.program import assemble_program
from tasks.core.prompting import render_prompt
from tasks.core.records import (
    OVERFLOW,
    Answered,
    AttemptResult,
    Candidate,
    FinishReason,
    Problem,
    Reason,
    StepKey,
    Usage,
    Verdict,
)
from tasks.core.spending import Spent
from tasks.core.truncation import explain_truncation
from tasks.core.verdict_rows import verdict_text
from tasks.generation import generate
from tasks.verification import verify


@dataclass(slots=True)
class Attempt:
    """One repeat of one problem on its way: what was written so far, and what is being verified.

    `unanswered` says why a generation is missing, None while none is: the attempt is unscored then.
    """

    problem: Problem
    repeat: int
    earlier: list[str] = field(default_factory=list[str])
    usage: Usage = field(default_factory=lambda: Usage(0, 0))
    overlong: bool = False
    unanswered: str | None = None
    running: dict[str, asyncio.Task[Verdict]] = field(
        default_factory=dict[str, asyncio.Task[Verdict]]
    )
    verdicts: dict[str, Verdict] = field(default_factory=dict[str, Verdict])

    def start(self, step_id: str, work: Coroutine[None, None, Verdict]) -> None:
        """Begin a verification beside the attempt."""
        self.running[step_id] = asyncio.create_task(work)

    async def abandon(self) -> None:
        """Give up the verifications that are under way."""
        for task in self.running.values():
            task.cancel()
        await asyncio.gather(*self.running.values(), return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _Written:
    """What the model wrote for one sub-step, and why it stopped there."""

    candidate: Candidate
    finish_reason: FinishReason


async def write_attempt(runtime: Runtime, attempt: Attempt) -> None:
    """Have the model write all sub-steps in order; their verifications start on the way.

    Raises:
        ProviderError: the endpoint refused; answers so far are kept.
    """
    try:
        for index in range(len(attempt.problem.sub_steps)):
            await _take_step(runtime, attempt, index)
    except BaseException as error:
        runtime.stop.set(error)
        raise


async def finish_attempt(runtime: Runtime, attempt: Attempt) -> AttemptResult | None:
    """Wait for the verifications of an attempt, and tell inherited failures; None if unscored.

    Raises:
        SandboxError: a program could not be judged.
    """
    problem = attempt.problem
    verdicts = dict(
        zip(attempt.running, await asyncio.gather(*attempt.running.values()), strict=True)
    )
    attempt.verdicts = verdicts
    if attempt.unanswered is not None:
        return None
    chain = [
        Link(code, step, verdicts.get(step.step_id))
        # No code follows an overflow, and nothing inherits from it.
        for step, code in zip(problem.sub_steps, attempt.earlier, strict=False)
    ]
    inherited = await _find_inherited(runtime, attempt, chain)
    for step_id, verdict in inherited.items():
        key = StepKey(problem.problem_id, attempt.repeat, step_id)
        runtime.verdicts.append(key, verdict_line(verdict))
    attempt.verdicts = verdicts | inherited
    steps = step_results(attempt.verdicts)
    return AttemptResult(problem.problem_id, attempt.repeat, steps, attempt.usage)


async def _find_inherited(
    runtime: Runtime, attempt: Attempt, chain: Sequence[Link]
) -> dict[str, Verdict]:
    # After a failure elsewhere nothing of this run is published: begin no further program.
    runtime.stop.check()
    try:
        return await find_inherited(runtime.verifier, attempt.problem.dependencies, chain)
    except Exception as error:
        runtime.stop.set(error)
        raise


async def _take_step(runtime: Runtime, attempt: Attempt, index: int) -> None:
    problem = attempt.problem
    step = problem.sub_steps[index]
    key = StepKey(problem.problem_id, attempt.repeat, step.step_id)
    if step.given is not None:
        attempt.earlier.append(step.given)
        return
    written = None
    if not attempt.overlong and attempt.unanswered is None:
        written = await _write_step(runtime, attempt, index, key)
    if not runtime.verifier.has(step.step_id):
        return
    if attempt.unanswered is not None:
        verdict = Verdict(Reason.UNSCORED, attempt.unanswered[:MAX_DETAIL])
        attempt.start(step.step_id, _conclude(runtime, key, verdict))
    elif written is None:
        attempt.start(step.step_id, _conclude(runtime, key, OVERFLOW))
    else:
        code = written.candidate.code
        program = assemble_program(problem.dependencies, attempt.earlier[:index], code)
        attempt.start(step.step_id, _verify_step(runtime, key, program, written))


async def _write_step(
    runtime: Runtime, attempt: Attempt, index: int, key: StepKey
) -> _Written | None:
    """Have the model write one sub-step; None if the prompt did not fit, or nobody answered."""
    problem = attempt.problem
    prompt = render_prompt(
        runtime.template, problem, index, attempt.earlier, background=runtime.background
    )
    runtime.stop.check()
    try:
        answered = await _answer(runtime, key, prompt)
    except UnansweredError as error:
        attempt.unanswered = runtime.unanswered[key] = str(error)
        _say(key, f"not answered: {error}")
        return None
    generation = answered.generation
    header = problem.sub_steps[index].function_header
    candidate = take_candidate(generation.text, runtime.extraction, header)
    program = assemble_program(problem.dependencies, attempt.earlier, candidate.code)
    line = generation_line(prompt, answered, candidate, program)
    runtime.generations.append(key, line)
    runtime.spent.append(Spent.of(key, answered))
    runtime.progress.advance(Counted.GENERATIONS)
    attempt.usage = attempt.usage + generation.usage
    if generation.finish_reason is FinishReason.OVERLONG:
        attempt.overlong = True
        return None
    attempt.earlier.append(candidate.code)
    return _Written(candidate, generation.finish_reason)


async def _answer(runtime: Runtime, key: StepKey, prompt: str) -> Answered:
    result = await generate(runtime.model, key.problem_id, key.repeat, key.step_id, prompt)
    return await result.aresult() if isinstance(result, State) else result


async def _verify_step(runtime: Runtime, key: StepKey, program: str, written: _Written) -> Verdict:
    candidate = written.candidate
    try:
        verdict = await verify(runtime.verifier, key.repeat, key.step_id, program, candidate)
    except Exception as error:
        # The chain may be waiting for an answer: no further sub-step is worth paying for.
        runtime.stop.set(error)
        raise
    return _record(runtime, key, explain_truncation(verdict, written.finish_reason))


async def _conclude(runtime: Runtime, key: StepKey, verdict: Verdict) -> Verdict:
    return _record(runtime, key, verdict)


def _record(runtime: Runtime, key: StepKey, verdict: Verdict) -> Verdict:
    runtime.verdicts.append(key, verdict_line(verdict))
    runtime.progress.advance(Counted.VERIFICATIONS)
    _say(key, verdict_text(verdict))
    return verdict


def _say(key: StepKey, text: str) -> None:
    """Write a line into the log of the problem's flow run."""
    get_run_logger().info("%s · repeat %d: %s", key.step_id, key.repeat, text)
