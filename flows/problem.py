"""Subflow: one problem with all its repeats, each a chain of sub-steps."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import TypeVar

from prefect import flow

from flows.attempt import Attempt, finish_attempt, write_attempt
from flows.progress import Counted
from flows.runtime import current_runtime
from tasks.core.records import AttemptResult

T = TypeVar("T")


@flow(
    name="problem",
    flow_run_name="problem {problem_id}",
    persist_result=False,
    validate_parameters=False,
)
async def evaluate_problem(problem_id: str) -> list[AttemptResult]:
    """Run every repeat of one problem of the evaluation in progress."""
    runtime = current_runtime()
    problem = runtime.problems[problem_id]
    attempts = [Attempt(problem, repeat) for repeat in range(runtime.repeats)]
    try:
        await _all(write_attempt(runtime, attempt) for attempt in attempts)
        runtime.turns.leave(problem_id)
        results = await _all(finish_attempt(runtime, attempt) for attempt in attempts)
    except BaseException as error:
        runtime.stop.set(error)
        for attempt in attempts:
            await attempt.abandon()
        raise
    runtime.progress.advance(Counted.PROBLEMS)
    return results


async def _all(work: Iterable[Coroutine[None, None, T]]) -> list[T]:
    """Wait for all, also after a failure: an answer in flight is paid for and must be kept."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]
