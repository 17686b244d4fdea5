"""Checks of where programs run: how confined they are there, and whether they find their modules.

One sandbox serves both, since starting it takes longest of all.
"""

import asyncio
from collections.abc import Mapping

from flows.config import CURRENT, DataSettings, Unimportable
from flows.dataset import worker_count
from flows.doctor.benchmarks import chosen_problems
from flows.doctor.findings import Finding, Status, failure
from tasks.core.errors import EvalError
from tasks.core.ordering import natural_key
from tasks.dependencies import find_unimportable
from tasks.sandbox.layers import Level, LevelReport, reaches
from tasks.sandbox.pool import SandboxPool

_ISOLATION = "isolation"
_DEPENDENCIES = "dependencies"
_NAMED = 5


def isolation_and_dependencies(settings: DataSettings) -> tuple[Finding, ...]:
    """Start the sandbox, tell its level, and import in it what the problems declare."""
    return asyncio.run(_look(settings))


async def _look(settings: DataSettings) -> tuple[Finding, ...]:
    async with SandboxPool(worker_count(settings), required=Level.NONE) as pool:
        return (
            judge_level(pool.report, settings.isolation),
            await _dependencies(pool, settings),
        )


def judge_level(report: LevelReport, required: Level) -> Finding:
    """Tell whether a level is enough, and what would raise it."""
    missing = f", without {', '.join(report.missing)}" if report.missing else ""
    found = f"level {report.level} ({required} is required){missing}"
    advice = f"to raise it: {'; '.join(report.advice)}" if report.advice else ""
    if reaches(report.level, required):
        return Finding(_ISOLATION, Status.OK, found, advice)
    lower = f"or accept less with --isolation {report.level}, for models that you trust"
    return Finding(_ISOLATION, Status.FAIL, found, "; ".join(filter(None, (advice, lower))))


async def _dependencies(pool: SandboxPool, settings: DataSettings) -> Finding:
    try:
        problems = chosen_problems(settings)
        missing = await find_unimportable(pool, problems)
    except EvalError as error:
        return failure(_DEPENDENCIES, error)
    return judge_dependencies(missing, len(problems), settings)


def judge_dependencies(missing: Mapping[str, str], number: int, settings: DataSettings) -> Finding:
    """Tell which problems declare modules that are not there; `missing` has the error of each."""
    if not missing:
        found = f"those of all {number} problems can be imported"
        return Finding(_DEPENDENCIES, Status.OK, found)
    ids = sorted(missing, key=natural_key)
    named = ", ".join(f"{name} ({missing[name]})" for name in ids[:_NAMED])
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    found = f"{len(ids)} of {number} problems cannot be run here: {named}{more}"
    if settings.environments != (CURRENT,):
        others = ", ".join(settings.environments)
        advice = f"only this interpreter was tried; the evaluation tries {others}"
        return Finding(_DEPENDENCIES, Status.NOTE, found, advice)
    if settings.unimportable is Unimportable.LEAVE_OUT:
        return Finding(_DEPENDENCIES, Status.NOTE, found, "they are left out, as asked for")
    advice = (
        "give --environment scipy-2024 (or another that has them), or leave them out with "
        "--unimportable leave-out"
    )
    return Finding(_DEPENDENCIES, Status.FAIL, found, advice)
