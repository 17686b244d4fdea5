"""Imports, once for all children, what their programs import first.

Runs in the zygote only. A fork copies a single thread, so a library that has started threads here
would leave its locks and pools broken in every child; the zygote then refuses to serve.
"""

import gc
import os
import sys
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from tasks.core.errors import SandboxError

# Matplotlib is for the few programs that draw: found, but imported by them.
PACKAGES = ("numpy", "scipy", "sympy", "matplotlib")
_PRELOADED = PACKAGES[:3]
_SUBMODULES = (
    "scipy.constants scipy.fft scipy.integrate scipy.interpolate scipy.linalg scipy.ndimage "
    "scipy.optimize scipy.signal scipy.sparse scipy.sparse.linalg scipy.spatial scipy.special "
    "scipy.stats "
    # What the first integral would import.
    "sympy.integrals.heurisch sympy.integrals.manualintegrate sympy.integrals.risch "
    "sympy.sets.handlers.issubset sympy.tensor.tensor"
).split()
_FONTS = "matplotlib.font_manager"


def preload() -> None:
    """Import what there is, and make sure that this process can be forked.

    Raises:
        SandboxError: a library has started threads.
    """
    for name in (*_PRELOADED, *_SUBMODULES):
        with suppress(ImportError):
            import_module(name)
    threads = sorted(entry.name for entry in Path("/proc/self/task").iterdir())
    if len(threads) != 1:
        raise SandboxError(
            f"the zygote must have one thread to fork from, found {len(threads)} after importing "
            f"{', '.join(_PRELOADED)}; keep the environment's OPENBLAS_NUM_THREADS, "
            "OMP_NUM_THREADS and MKL_NUM_THREADS at 1"
        )
    gc.collect()
    gc.freeze()


def start_font_listing() -> int | None:
    """Let a process of its own write matplotlib's list of fonts; None where there is none.

    A child cannot write that list. Until it is there, matplotlib makes it anew in memory.
    """
    if find_spec("matplotlib") is None:
        return None
    pid = os.fork()
    if pid:
        return pid
    with suppress(BaseException):  # a child that returned from here would serve as a second zygote
        os.nice(10)
        import_module(_FONTS)
    os._exit(0)


def reseed() -> None:
    """Give this process random numbers of its own; `random` itself does so on a fork."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
