"""Declared dependencies are tried where programs run."""

import asyncio
from pathlib import Path

import pytest

from tasks.core.records import Given, Problem
from tasks.dataset import load_problems
from tasks.dependencies import find_unimportable
from tasks.sandbox.pool import SandboxPool

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "scicode"


def find(*problems: Problem) -> dict[str, str]:
    async def ask() -> dict[str, str]:
        async with SandboxPool(2) as pool:
            return await find_unimportable(pool, problems)

    return asyncio.run(ask())


def problem(problem_id: str, dependencies: str) -> Problem:
    return Problem(problem_id, "", dependencies, ())


def test_only_problems_whose_dependencies_are_missing_are_named_with_the_error() -> None:
    found = find(
        problem("1", "import math\nimport numpy as np"),
        problem("2", "import no_such_module_anywhere"),
        problem("3", ""),
        problem("4", "import no_such_module_anywhere"),
        problem("5", "from math import no_such_name"),
    )
    missing = "ModuleNotFoundError: No module named 'no_such_module_anywhere'"
    assert {name: found[name] for name in ("2", "4")} == {"2": missing, "4": missing}
    assert found["5"].startswith("ImportError: cannot import name 'no_such_name' from 'math'")
    assert sorted(found) == ["2", "4", "5"]


@pytest.mark.skipif(not DATA.is_dir(), reason="SciCode's data is not there")
def test_scicode_misses_what_scipy_dropped() -> None:
    """Problems 2 and 28 import `simps`, which scipy 1.14 removed."""
    problems = load_problems(
        DATA / "problems_test.jsonl", upstream=DATA / "upstream", given=Given.WHOLE
    ).problems
    assert sorted(find(*problems)) == ["2", "28"]
