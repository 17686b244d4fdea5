"""Subflow: one problem with all its repeats, each a chain of sub-steps."""

import asyncio

from prefect import flow

from flows.attempt import run_attempt
from flows.progress import Counted
from flows.runtime import current_runtime
from tasks.core.records import AttemptResult


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
    attempts = [run_attempt(runtime, problem, repeat) for repeat in range(runtime.repeats)]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    if failures:
        raise failures[0]
    runtime.progress.advance(Counted.PROBLEMS)
    return [result for result in results if isinstance(result, AttemptResult)]
