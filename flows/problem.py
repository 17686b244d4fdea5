"""Subflow: one problem with all its repeats, each a chain of sub-steps."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import TypeVar

from prefect import flow
from prefect.runtime import flow_run

from flows.attempt import Attempt, finish_attempt, write_attempt
from flows.progress import Counted
from flows.runtime import Runtime, current_runtime
from tasks.artifacts import publish_problem
from tasks.core.errors import UnansweredError

T = TypeVar("T")


@flow(
    name="problem",
    flow_run_name="problem {problem_id}",
    persist_result=False,
    validate_parameters=False,
)
async def evaluate_problem(problem_id: str) -> None:
    """Run every repeat of one problem of the evaluation in progress; the results stay there.

    Raises:
        UnansweredError: an attempt stays unscored; the others are complete.
        EvalError: the evaluation cannot go on.
    """
    runtime = current_runtime()
    runtime.flow_runs[problem_id] = str(flow_run.id)
    await runtime.turns.begin(problem_id)
    problem = runtime.problems[problem_id]
    attempts = [Attempt(problem, repeat) for repeat in range(runtime.repeats)]
    try:
        await _all(_write(runtime, attempt) for attempt in attempts)
        results = await _all(finish_attempt(runtime, attempt) for attempt in attempts)
    except BaseException as error:
        runtime.stop.set(error)
        for attempt in attempts:
            await attempt.abandon()
        raise
    runtime.attempts.extend(result for result in results if result is not None)
    runtime.progress.advance(Counted.PROBLEMS)
    evaluation = str(flow_run.parent_flow_run_id)
    await publish_problem(problem, [attempt.verdicts for attempt in attempts], evaluation)
    # The server then shows the problem as failed, and which of its generations.
    for attempt in attempts:
        if attempt.unanswered is not None:
            raise UnansweredError(attempt.unanswered)


async def _write(runtime: Runtime, attempt: Attempt) -> None:
    await write_attempt(runtime, attempt)
    runtime.turns.leave(attempt.problem.problem_id)


async def _all(work: Iterable[Coroutine[None, None, T]]) -> list[T]:
    """Wait for all, also after a failure: an answer in flight is paid for and must be kept."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]
