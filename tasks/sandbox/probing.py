"""Finds out how well this host can confine programs, by confining one."""

import asyncio
import sys
from collections.abc import Collection

from tasks.sandbox.layers import Layer, Level, LevelReport
from tasks.sandbox.pool import SandboxPool


def probe_level(python: str = sys.executable, without: Collection[Layer] = ()) -> LevelReport:
    """Start a pool of this interpreter and report what confines its children.

    Args:
        python: the interpreter that would run programs.
        without: layers to leave out, as on a host that lacks them.

    Raises:
        SandboxError: the sandbox does not work at all with this interpreter.
    """
    return asyncio.run(_probe(python, without))


async def _probe(python: str, without: Collection[Layer]) -> LevelReport:
    async with SandboxPool(1, python=python, required=Level.NONE, without=without) as pool:
        return pool.report
