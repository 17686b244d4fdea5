"""Lock files' texts -> the environments of a node, built there when they are first needed."""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from tasks.cluster.recipe import AskedEnvironment
from tasks.core.records import Environment
from tasks.durable_files import keep
from tasks.environments import holding, prepare_environment
from tasks.lock_files import CURRENT

_log = logging.getLogger(__name__)


async def take_environments(
    asked: Sequence[AskedEnvironment], cache_dir: Path, stack: AsyncExitStack
) -> tuple[Environment, ...]:
    """Find or build environments, and keep them from being removed until the stack ends.

    Raises:
        ConfigError: this node has no Python to build one from.
        SandboxError: one cannot be built.
    """
    while True:
        found = await asyncio.to_thread(_prepare, asked, cache_dir)
        # One that was removed in between is built anew.
        if all(stack.enter_context(holding(environment)) for environment in found):
            return found


def _prepare(asked: Sequence[AskedEnvironment], cache_dir: Path) -> tuple[Environment, ...]:
    return tuple(
        prepare_environment(_name(environment, cache_dir), cache_dir, _log.info)
        for environment in asked
    )


def _name(environment: AskedEnvironment, cache_dir: Path) -> str:
    """Return what finds the environment on this node: the lock file's own text, written here."""
    if environment.lock is None:
        return CURRENT
    digest = hashlib.sha256(environment.lock.encode()).hexdigest()
    path = cache_dir / "node-locks" / digest[:12] / f"{environment.name}.lock"
    keep(path, environment.lock, "a lock file")
    return str(path)
