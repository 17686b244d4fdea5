"""Problems -> those whose declared imports fail in the Python that runs programs.

No candidate can solve these there: to be said before anything is generated, not scored as wrong.
"""

import asyncio
import re
from collections.abc import Iterable

from tasks.core.records import Ending, Job, Limits, Problem
from tasks.sandbox.pool import SandboxPool

_LIMITS = Limits(cpu_s=60.0, wall_s=180.0, frame_bytes=2**10)
# What the detail ends with, below the lines of the program.
_IMPORT_ERROR = re.compile(r"^(?:ImportError|ModuleNotFoundError)\b.*", re.MULTILINE | re.DOTALL)
# Where the interpreter found the module, which tells a reader nothing.
_PLACE = re.compile(r" \(/.*\)$")


async def find_unimportable(pool: SandboxPool, problems: Iterable[Problem]) -> dict[str, str]:
    """Run each problem's imports like a program; answer with problem ids and what was missing.

    Raises:
        SandboxError: the sandbox could not run them.
    """
    by_imports: dict[str, list[str]] = {}
    for problem in problems:
        by_imports.setdefault(problem.dependencies, []).append(problem.problem_id)
    failures = await asyncio.gather(*(_try(pool, imports) for imports in by_imports))
    return {
        problem_id: failure
        for problem_ids, failure in zip(by_imports.values(), failures, strict=True)
        if failure is not None
        for problem_id in problem_ids
    }


async def _try(pool: SandboxPool, imports: str) -> str | None:
    outcome = await pool.run(Job(imports, ()), _LIMITS)
    if outcome.ending is not Ending.RAISED:
        return None
    failure = _IMPORT_ERROR.search(outcome.detail)
    return None if failure is None else _PLACE.sub("", failure[0])
