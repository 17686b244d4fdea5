"""dataset -> sandbox: finds problems whose declared dependencies an environment does not have.

A program begins with its problem's dependencies, so there nothing could pass, whatever the model
writes. They are tried where programs run, under the same confinement.
"""

import asyncio
from collections.abc import Iterable

from tasks.core.records import Ending, Job, Limits, Problem
from tasks.sandbox.pool import SandboxPool

# Imports only; a first one may have to compile what it imports.
_LIMITS = Limits(cpu_s=120.0, wall_s=300.0)
_FAILED = (Ending.RAISED, Ending.SYNTAX_ERROR)


async def find_unimportable(pool: SandboxPool, problems: Iterable[Problem]) -> dict[str, str]:
    """Return the problems whose dependencies do not run, each with the error.

    Raises:
        SandboxError: they could not be tried.
    """
    asked = tuple(problems)
    texts = tuple(dict.fromkeys(problem.dependencies for problem in asked))
    errors = await asyncio.gather(*(_try(pool, text) for text in texts))
    found = dict(zip(texts, errors, strict=True))
    reasons = ((problem.problem_id, found[problem.dependencies]) for problem in asked)
    return {problem_id: reason for problem_id, reason in reasons if reason is not None}


async def _try(pool: SandboxPool, dependencies: str) -> str | None:
    outcome = await pool.run(Job(dependencies, ()), _LIMITS)
    return outcome.detail.rpartition("\n")[2] if outcome.ending in _FAILED else None
