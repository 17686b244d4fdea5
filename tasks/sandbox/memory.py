"""Tells how much memory there is for children: what is free, or what a container may still take."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_USED_PART = 0.9
_CGROUPS = Path("/sys/fs/cgroup")
_OVERCOMMIT = Path("/proc/sys/vm/overcommit_memory")
_STRICT = "2"


def available_memory_bytes() -> int:
    """Measure the memory that children may fill together, with a reserve for everybody else."""
    return int(_USED_PART * min([_free_bytes(), *_container_bytes()]))


def is_refused_for_others(policy: Path = _OVERCOMMIT) -> bool:
    """Whether this system refuses a process memory because of what others have asked for.

    Linux does where it promises no more than it has. Elsewhere a refusal is the process's own doing
    (its limit, or one request beyond the whole machine), and want of memory ends in a kill.
    """
    with suppress(OSError):
        return policy.read_text().strip() == _STRICT
    return False


def _free_bytes() -> int:
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _container_bytes() -> Iterator[int]:
    """Measure what each control group around this process has left."""
    for folder in _control_groups():
        for limit, used in (("memory.max", "memory.current"), _OLD_NAMES):
            # A group without a limit says `max`, or a number beyond all memory.
            with suppress(OSError, ValueError):
                left = int((folder / limit).read_text()) - int((folder / used).read_text())
                yield max(left, 0)


_OLD_NAMES = ("memory.limit_in_bytes", "memory.usage_in_bytes")


def _control_groups() -> Iterator[Path]:
    yield _CGROUPS / "memory"
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, names, path = line.split(":", 2)
            if not names:
                group = _CGROUPS / path.lstrip("/")
                yield from (group, *(p for p in group.parents if p.is_relative_to(_CGROUPS)))
