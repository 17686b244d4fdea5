"""One call that runs a program in a real child and answers with its outcome."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from tasks.core.records import ChildCase, Job, Limits, Outcome
from tasks.sandbox.pool import SandboxPool

LIMITS = Limits(cpu_s=20.0, wall_s=60.0, memory_bytes=4 * 2**30, frame_bytes=2**20)


@pytest.fixture
def run_program() -> Callable[..., Outcome]:
    """Run a program and the expressions to ship, a case for each group of them."""

    def run(
        program: str, *cases: Sequence[str], limits: Limits = LIMITS, setup: str = ""
    ) -> Outcome:
        job = Job(program, tuple(ChildCase(setup, tuple(ships)) for ships in cases))

        async def talk() -> Outcome:
            async with SandboxPool(1, limits) as pool:
                return await pool.run(job)

        return asyncio.run(talk())

    return run
