"""Pins what OpenBLAS computes with, so that a program's last digits do not depend on the host.

OpenBLAS picks its kernels by the processor that it finds, and they differ in rounding: problem 73.6
compares floats as dict keys, exactly, and passes with one kernel and fails with another. Haswell's
need what nearly every x86-64 machine of the last ten years has, and are in every release of numpy
and scipy that we run.
"""

import re
from pathlib import Path

VARIABLE = "OPENBLAS_CORETYPE"

_PINNED = "Haswell"
_NEEDED = frozenset({"avx2", "fma"})
_MACHINES = ("x86_64", "amd64")
_CPUINFO = Path("/proc/cpuinfo")
_FLAGS = re.compile(r"^flags\s*:(.*)$", re.MULTILINE)


def choose_blas_core(machine: str, cpuinfo: Path = _CPUINFO) -> str | None:
    """Name the processor to pin OpenBLAS to; None where this one may not do what that one does."""
    if machine.lower() not in _MACHINES:
        return None
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    flags = _FLAGS.search(text)
    return _PINNED if flags is not None and set(flags[1].split()) >= _NEEDED else None
