"""The sandbox serves a program that knows nothing of SciCode; the README quotes this file."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.core.records import ChildCase, Ending, Job, Limits
from tasks.sandbox.wire import decode_values

ROOT = Path(__file__).parents[3]


def test_a_text_is_a_program(make_pool):
    async def talk():
        async with make_pool(workers=2) as pool:
            return await asyncio.gather(pool.run("x = 6 * 7"), pool.run("1 / 0"))

    good, bad = asyncio.run(talk())
    assert (good.ending, good.frames) == (Ending.COMPLETED, ())
    assert bad.ending is Ending.RAISED
    assert "ZeroDivisionError" in bad.detail


def test_values_come_back_in_one_frame_for_each_case(make_pool):
    program = "def square(x): return x * x"
    cases = (ChildCase("y = square(3)", ("y", "-y")), ChildCase("", ("square(y)",)))

    async def talk():
        async with make_pool() as pool:
            return await pool.run(Job(program, cases), Limits(cpu_s=5.0, wall_s=30.0))

    outcome = asyncio.run(talk())
    # 3 * 3 = 9, and the second case finds y: 9 * 9 = 81.
    assert [decode_values(frame) for frame in outcome.frames] == [[9, -9], [81]]


def test_cancelling_a_call_leaves_the_pool_usable(make_pool):
    async def talk():
        async with make_pool() as pool:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await pool.run("import time; time.sleep(900)")
            return await pool.run("pass")

    assert asyncio.run(talk()).ending is Ending.COMPLETED


@pytest.mark.parametrize("program", [b"pass", None, Job(b"pass", ()), Job(None, ())])
def test_a_program_that_is_no_text_is_the_callers_mistake(make_pool, program):
    async def talk():
        async with make_pool() as pool:
            with pytest.raises(TypeError, match="expected a program as str, found"):
                await pool.run(program)

    asyncio.run(talk())


@pytest.mark.parametrize(
    ("program", "ending"),
    [
        ("x = '\ud800'", Ending.SYNTAX_ERROR),
        ("x = 1\0", Ending.SYNTAX_ERROR),
        ("#" * 50 * 2**20, Ending.COMPLETED),
    ],
    ids=["surrogate", "nul", "fifty megabytes"],
)
def test_odd_texts_have_an_outcome(make_pool, program, ending):
    async def talk():
        async with make_pool() as pool:
            return await pool.run(program)

    assert asyncio.run(talk()).ending is ending


def test_importing_the_pool_imports_no_framework():
    source = "import sys, tasks.sandbox.pool; print(*sys.modules)"
    command = [sys.executable, "-c", source]
    out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert "tasks.sandbox.pool" in out.split()
    assert not set(out.split()) & {"prefect", "openai", "h5py", "pandas", "fastapi"}
