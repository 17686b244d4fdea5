"""Checks of where programs run: how confined they are there, and whether they find their modules.

One sandbox serves both, since starting it takes longest of all.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

from flows.config import DataSettings, Unimportable
from flows.dataset import worker_count
from flows.doctor.benchmarks import judged_problems
from flows.doctor.findings import Finding, Status, failure
from tasks.core.errors import EvalError
from tasks.core.listing import name_first
from tasks.core.ordering import natural_key
from tasks.dependencies import find_unimportable
from tasks.environments import find_environment
from tasks.sandbox.layers import Level, LevelReport, rank, reaches
from tasks.sandbox.pool import SandboxPool

_ISOLATION = "isolation"
_DEPENDENCIES = "dependencies"
_ENVIRONMENTS = "environments"


def isolation_and_dependencies(settings: DataSettings) -> tuple[Finding, ...]:
    """Start the sandbox, tell its level, and import in it what the problems declare."""
    return asyncio.run(_look(settings))


async def _look(settings: DataSettings) -> tuple[Finding, ...]:
    try:
        found = {n: find_environment(n, settings.cache_dir) for n in settings.environments}
    except EvalError as error:
        return (failure(_ENVIRONMENTS, error),)
    unbuilt = [name for name, environment in found.items() if environment is None]
    async with AsyncExitStack() as stack:
        pools = [
            await stack.enter_async_context(_pool(settings, environment.python))
            for environment in found.values()
            if environment is not None
        ]
        # Nothing is built here, and then this interpreter tells the level.
        pools = pools or [await stack.enter_async_context(_pool(settings, sys.executable))]
        weakest = min((pool.report for pool in pools), key=lambda report: rank(report.level))
        return (
            judge_level(weakest, settings.isolation),
            judge_environments(settings.environments, unbuilt),
            await _dependencies(pools, settings, unbuilt),
        )


def _pool(settings: DataSettings, python: str) -> SandboxPool:
    return SandboxPool(worker_count(settings), python=python, required=Level.NONE)


def judge_environments(names: Sequence[str], unbuilt: Sequence[str]) -> Finding:
    """Tell which environments are there, and which the first evaluation has to build."""
    if not unbuilt:
        return Finding(_ENVIRONMENTS, Status.OK, f"{', '.join(names)} ready")
    found = f"{', '.join(unbuilt)} not built yet"
    return Finding(_ENVIRONMENTS, Status.NOTE, found, "the first evaluation builds it, in a minute")


def judge_level(report: LevelReport, required: Level) -> Finding:
    """Tell whether a level is enough, and what would raise it."""
    missing = f", without {', '.join(report.missing)}" if report.missing else ""
    found = f"level {report.level} ({required} is required){missing}"
    advice = f"to raise it: {'; '.join(report.advice)}" if report.advice else ""
    if reaches(report.level, required):
        return Finding(_ISOLATION, Status.OK, found, advice)
    lower = f"or accept less with --isolation {report.level}, for models that you trust"
    return Finding(_ISOLATION, Status.FAIL, found, "; ".join(filter(None, (advice, lower))))


async def _dependencies(
    pools: Sequence[SandboxPool], settings: DataSettings, unbuilt: Sequence[str]
) -> Finding:
    try:
        problems = judged_problems(settings)
        tried = [await find_unimportable(pool, problems) for pool in pools]
    except EvalError as error:
        return failure(_DEPENDENCIES, error)
    missing = {
        problem_id: reason
        for problem_id, reason in tried[0].items()
        if all(problem_id in found for found in tried)
    }
    return judge_dependencies(missing, len(problems), settings, unbuilt)


def judge_dependencies(
    missing: Mapping[str, str], number: int, settings: DataSettings, unbuilt: Sequence[str] = ()
) -> Finding:
    """Tell which problems declare modules that are not there; `missing` has the error of each."""
    if not missing:
        found = f"those of all {number} problems can be imported"
        return Finding(_DEPENDENCIES, Status.OK, found)
    ids = sorted(missing, key=natural_key)
    named = name_first([f"{name} ({missing[name]})" for name in ids])
    found = f"{len(ids)} of {number} problems cannot be run here: {named}"
    if unbuilt:
        advice = f"{', '.join(unbuilt)} will be tried too, once it is built"
        return Finding(_DEPENDENCIES, Status.NOTE, found, advice)
    if settings.unimportable is Unimportable.LEAVE_OUT:
        return Finding(_DEPENDENCIES, Status.NOTE, found, "they are left out, as asked for")
    advice = (
        "give --environment scipy-2024 (or another that has them), or leave them out with "
        "--unimportable leave-out"
    )
    return Finding(_DEPENDENCIES, Status.FAIL, found, advice)
