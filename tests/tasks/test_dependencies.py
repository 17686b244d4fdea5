"""Problems whose imports fail are named before anything is generated, with what is missing."""

import asyncio
import importlib
import venv
from pathlib import Path

import pytest

from tasks.core.records import Given, Job, Problem
from tasks.dataset import load_problems
from tasks.dependencies import find_unimportable
from tasks.environments import prepare_environment
from tasks.sandbox.layers import Level
from tasks.sandbox.pool import SandboxPool

SCICODE = Path(__file__).parents[2].parent / "shared" / "data" / "scicode"
FILES = ("problems_dev.jsonl", "problems_test.jsonl")
ON_SCICODE = pytest.mark.skipif(not SCICODE.is_dir(), reason="needs SciCode's problems")


def problem(problem_id: str, dependencies: str) -> Problem:
    return Problem(problem_id, "own", dependencies, ())


def scicode() -> tuple[Problem, ...]:
    upstream = SCICODE / "upstream"
    return tuple(
        problem
        for name in FILES
        for problem in load_problems(SCICODE / name, upstream=upstream, given=Given.WHOLE).problems
    )


async def find_in(problems: tuple[Problem, ...], **settings) -> dict[str, str]:
    async with SandboxPool(2, required=Level.NONE, **settings) as pool:
        return await find_unimportable(pool, problems)


def test_only_imports_that_fail_are_named_each_for_all_its_problems(tmp_path):
    venv.create(tmp_path / "venv", symlinks=True)
    missing = "import json\nimport no_such_module_of_ours as n"
    problems = (
        problem("1", "import json\nfrom math import sqrt"),
        problem("2", missing),
        problem("3", "from sys import no_such_name"),
        problem("4", missing),
        problem("5", ""),
        # Trouble of another kind is not for this check.
        problem("6", "raise ValueError('ImportError: not really')"),
        problem("7", "import os; os._exit(1)"),
    )
    assert asyncio.run(find_in(problems, python=str(tmp_path / "venv" / "bin" / "python"))) == {
        "2": "ModuleNotFoundError: No module named 'no_such_module_of_ours'",
        "3": "ImportError: cannot import name 'no_such_name' from 'sys' (unknown location)",
        "4": "ModuleNotFoundError: No module named 'no_such_module_of_ours'",
    }


@ON_SCICODE
def test_a_scipy_without_simps_fails_two_problems_of_scicode():
    found = asyncio.run(find_in(scicode()))
    simps = hasattr(importlib.import_module("scipy.integrate"), "simps")
    assert set(found) == (set() if simps else {"2", "28"})
    assert all("cannot import name 'simps'" in message for message in found.values())


DRAWING = (
    "import matplotlib.pyplot as plt, numpy as np, sympy, io\n"
    "file = io.BytesIO()\n"
    "plt.plot(np.arange(3), [1, 4, 2]); plt.title('$x^2$'); plt.savefig(file, format='png')\n"
    "x = sympy.Symbol('x')\n"
    "assert sympy.integrate(x * sympy.exp(x), x) == (x - 1) * sympy.exp(x)\n"
    "assert np.__version__ == '1.26.4' and file.getvalue()[1:4] == b'PNG'"
)


@pytest.mark.slow
@ON_SCICODE
def test_scipy_2024_imports_all_problems_draws_and_integrates(tmp_path):
    """Fetches the packages of the environment."""
    python = prepare_environment("scipy-2024", tmp_path, print).python
    level = asyncio.run(level_of(python))
    assert asyncio.run(find_in(scicode(), python=python)) == {}
    # What is confined most may still read an environment that lies in any folder.
    assert level == asyncio.run(level_of(None))


async def level_of(python: str | None) -> Level:
    settings = {} if python is None else {"python": python}
    async with SandboxPool(1, required=Level.NONE, **settings) as pool:
        if python is not None:
            outcome = await pool.run(Job(DRAWING, ()))
            assert outcome.detail == ""
        return pool.report.level
