"""Confines the process it is called in, before that runs a program, and names what is in force.

A layer that this host cannot give is absent from the names, never silently assumed. What can be
prepared once for all children, the zygote prepares: it is in the `Shield`.
"""

import math
import os
import resource
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tasks.core.records import Limits
from tasks.sandbox import kernel, landlock, namespaces, seccomp
from tasks.sandbox.landlock import Rule
from tasks.sandbox.layers import Layer

_OPEN_FILES = 256
_THREADS = 256
# What a process that ran out of memory gets back, to say so.
_MEMORY_RESERVE_BYTES = 32 * 2**20
_READ = landlock.READ_FILE | landlock.READ_DIR


@dataclass(frozen=True, slots=True)
class Shield:
    """What a zygote has for its children besides limits.

    Attributes:
        layers: the namespaces that they are born into.
        rules: the paths that they may read, for Landlock.
        landlock_version: 0 where there is no Landlock.
        seccomp: whether system calls can be filtered.
        uid: the user that they become, for a zygote that is root.
    """

    layers: frozenset[Layer] = frozenset()
    rules: tuple[Rule, ...] = ()
    landlock_version: int = 0
    seccomp: bool = False
    uid: int | None = None


def cpu_limit_s(limits: Limits) -> int:
    """Processor seconds as the kernel counts them: whole ones."""
    return max(1, math.ceil(limits.cpu_s))


def confine(limits: Limits, parent: int, shield: Shield | None = None) -> tuple[str, ...]:
    """Put this process under its limits for good; answer with the layers in force.

    The order matters: namespaces need rights that the next steps take away, a change of user
    undoes the death signal, and the filter comes last because it denies what the others do.
    """
    layers: set[Layer] = set()
    if shield is not None:
        layers |= shield.layers
        layers |= _change_user(shield)
    layers |= _limit_all(limits)
    if Layer.USER_NS in layers:
        _limit(resource.RLIMIT_NPROC, _THREADS, _THREADS)
        layers.add(Layer.PROCESSES)
    if sys.platform == "linux":
        die_with(parent)
        layers.add(Layer.PDEATHSIG)
    if shield is None:
        _limit_files()
    else:
        layers |= _close_ways_out(shield)
    return tuple(layer for layer in Layer if layer in layers)


def release_memory_reserve() -> None:
    """Lift the memory limit a little, for the report of a process that has reached it."""
    with suppress(ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _change_user(shield: Shield) -> set[Layer]:
    # Where memory is short, the kernel then ends a child before anything else.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    is_root = Layer.UID not in shield.layers
    if Layer.USER_NS in shield.layers:
        namespaces.enter_own_user_namespace()
    elif shield.uid is not None:
        namespaces.become(shield.uid)
        is_root = False
    return set() if is_root else {Layer.UID}


def _close_ways_out(shield: Shield) -> set[Layer]:
    closed: set[Layer] = set()
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if Layer.USER_NS in shield.layers:
        kernel.drop_capabilities()
    if shield.landlock_version:
        own = landlock.open_rule("/proc/self", _READ)
        rules = shield.rules if own is None else (*shield.rules, own)
        landlock.restrict(rules, shield.landlock_version)
        for rule in rules:
            os.close(rule.descriptor)
        closed.add(Layer.LANDLOCK)
    # Only here: where our own package lies among the libraries, the rules hold hundreds open.
    _limit_files()
    if shield.seccomp:
        seccomp.install(seccomp.build_filter(os.uname().machine, os.getpid()))
        closed.add(Layer.SECCOMP)
    return closed


def _limit_all(limits: Limits) -> set[Layer]:
    cpu_s = cpu_limit_s(limits)
    # One second more, for a program that ignores the signal of the soft limit.
    _limit(resource.RLIMIT_CPU, cpu_s, cpu_s + 1)
    _limit(resource.RLIMIT_CORE, 0, 0)
    layers = {Layer.RLIMITS}
    # macOS refuses a limit on the address space.
    with suppress(ValueError, OSError):
        # What is mapped already, a zygote's libraries above all, is not the program's doing.
        allowed = _mapped_bytes() + limits.memory_bytes
        _limit(resource.RLIMIT_AS, allowed, allowed + _MEMORY_RESERVE_BYTES)
        layers.add(Layer.MEMORY)
    return layers


def _limit_files() -> None:
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES, _OPEN_FILES)


def _mapped_bytes() -> int:
    pages = Path("/proc/self/statm").read_text().split()[0]
    return int(pages) * resource.getpagesize()


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
    namespaces.die_with_parent()
    # A parent that died before the call sends no signal.
    if os.getppid() != parent:
        os._exit(1)
