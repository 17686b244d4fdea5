"""Confines the process it is called in, before that runs a program, and names what is in force.

A layer that this host cannot give is absent from the names, never silently assumed.
"""

import ctypes
import math
import os
import resource
import signal
import sys
from contextlib import suppress

from tasks.core.records import Limits

_OPEN_FILES = 256
_PR_SET_PDEATHSIG = 1
# What a process that ran out of memory gets back, to say so.
_MEMORY_RESERVE_BYTES = 32 * 2**20


def cpu_limit_s(limits: Limits) -> int:
    """Processor seconds as the kernel counts them: whole ones."""
    return max(1, math.ceil(limits.cpu_s))


def confine(limits: Limits, parent: int) -> tuple[str, ...]:
    """Put this process under its limits for good; answer with the layers in force."""
    layers: list[str] = []
    if sys.platform == "linux":
        die_with(parent)
        layers.append("pdeathsig")
    cpu_s = cpu_limit_s(limits)
    # One second more, for a program that ignores the signal of the soft limit.
    _limit(resource.RLIMIT_CPU, cpu_s, cpu_s + 1)
    _limit(resource.RLIMIT_CORE, 0, 0)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES, _OPEN_FILES)
    layers.append("rlimits")
    # macOS refuses a limit on the address space.
    with suppress(ValueError, OSError):
        ceiling = limits.memory_bytes + _MEMORY_RESERVE_BYTES
        _limit(resource.RLIMIT_AS, limits.memory_bytes, ceiling)
        layers.append("memory")
    return tuple(layers)


def release_memory_reserve() -> None:
    """Lift the memory limit a little, for the report of a process that has reached it."""
    with suppress(ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _limit(kind: int, soft: int, hard: int) -> None:
    """Set a limit; one that this process is under already may only become tighter."""
    _, ceiling = resource.getrlimit(kind)
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends; nothing where that is not Linux."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    # A parent that died before the call sends no signal.
    if os.getppid() != parent:
        os._exit(1)
