"""One evaluation -> its problems: runs every subflow, and tells what could not be completed."""

import asyncio
from pathlib import Path
from typing import cast

from flows.problem import evaluate_problem
from flows.progress import Counted
from flows.runtime import Runtime, runtime_in_use
from tasks.core.errors import UnansweredError
from tasks.core.json_value import JsonValue
from tasks.core.listing import name_first
from tasks.core.ordering import natural_key
from tasks.core.records import AttemptResult, Problem
from tasks.core.spending import usage_document
from tasks.stop_signal import StopSignal


async def fan_out(runtime: Runtime, stop: StopSignal) -> None:
    """Run every problem's subflow, the longest chains first, while the endpoint has room for more.

    The order is the same in every run of a dataset, since Prefect knows subflows by it. A failure
    that ends the evaluation stops further requests; what is in flight is still kept.

    Raises:
        EvalError: the first such failure. Attempts that stay unscored are none.
    """
    problems = sorted(runtime.problems.values(), key=_longest_first)
    _expect(runtime)

    async def run(problem_id: str) -> None:
        async with runtime.turns.turn(problem_id, runtime.repeats):
            stop.check()
            await evaluate_problem(problem_id)

    with runtime_in_use(runtime):
        runs = [run(problem.problem_id) for problem in problems]
        results = await asyncio.gather(*runs, return_exceptions=True)
    stop.check()
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, UnansweredError):
            raise result


def in_order(runtime: Runtime) -> list[AttemptResult]:
    """Return the attempts that are complete, in the order of the files."""
    return sorted(runtime.attempts, key=lambda a: (natural_key(a.problem_id), a.repeat))


def incomplete(runtime: Runtime, output: Path) -> UnansweredError:
    """Return the error that says which attempts stay unscored, and why."""
    total = runtime.repeats * len(runtime.problems)
    missing = sorted(runtime.unanswered, key=lambda key: (natural_key(key.step_id), key.repeat))
    named = [f"{key.step_id} of repeat {key.repeat}" for key in missing]
    return UnansweredError(
        f"unscored attempts: {len(missing)} of {total}, since these generations are missing: "
        f"{name_first(named)}; the first because {runtime.unanswered[missing[0]]}. Everything else "
        f"is kept in {output} and in the cache: the same command with --output {output} asks only "
        "for what is missing"
    )


def counts(runtime: Runtime) -> dict[str, JsonValue]:
    """Return what run.json counts: programs that ran, generations, and tries that failed."""
    model = runtime.model
    return {
        "programs_run": runtime.verifier.programs_run,
        "requests": model.asked,
        "cached": model.cached,
        "failed_tries": dict(model.troubles.most_common()),
        "unscored_attempts": len(runtime.unanswered),
    }


def usage_of(runtime: Runtime) -> dict[str, JsonValue]:
    """Return what the generations took so far, as usage.json holds it."""
    return usage_document(runtime.spent, runtime.price)


def run_usage(runtime: Runtime) -> dict[str, JsonValue]:
    """Return what the generations of the whole run took so far."""
    return cast("dict[str, JsonValue]", usage_of(runtime)["run"])


def _expect(runtime: Runtime) -> None:
    steps = [step for problem in runtime.problems.values() for step in problem.sub_steps]
    written = sum(step.given is None for step in steps)
    scored = sum(runtime.verifier.has(step.step_id) for step in steps)
    runtime.progress.expect(Counted.PROBLEMS, len(runtime.problems))
    runtime.progress.expect(Counted.GENERATIONS, written * runtime.repeats)
    runtime.progress.expect(Counted.VERIFICATIONS, scored * runtime.repeats)


def _longest_first(problem: Problem) -> tuple[object, ...]:
    written = sum(step.given is None for step in problem.sub_steps)
    return (-written, natural_key(problem.problem_id))
