"""Compares the pool with a plain interpreter per program: python tests/benchmarks/bench_sandbox.py.

Runs the same light programs both ways, in turn, so that a change of the machine's load meets both,
and prints the medians and their ratio. Figures depend on the machine; the ratio much less so.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from itertools import chain

from tasks.core.records import ChildCase, Ending, Job
from tasks.sandbox.pool import SandboxPool

PROGRAMS = {
    "numpy": "import numpy as np\ndef f(n):\n    return np.cumsum(np.arange(n) ** 2)",
    "scipy": (
        "import numpy as np\nfrom scipy.integrate import quad\nfrom scipy.optimize import brentq\n"
        "def f(n):\n    return quad(np.sin, 0, brentq(lambda x: x * x - n, 0, n))[0]"
    ),
    "sympy": (
        "from sympy import Symbol, integrate\nimport numpy as np\n"
        "def f(n):\n    x = Symbol('x')\n    return float(integrate(x**2, (x, 0, n)))"
    ),
}
CALL = "f(9)"


def run_plain(program: str) -> float:
    """Run a program as `python -c` does; answer with the seconds it took."""
    begin = time.perf_counter()
    source = f"{program}\nprint({CALL})\n"
    subprocess.run([sys.executable, "-c", source], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


async def run_pooled(pool: SandboxPool, program: str) -> float:
    """Run it in the pool."""
    begin = time.perf_counter()
    outcome = await pool.run(Job(program, (ChildCase("", (CALL,)),)))
    if outcome.ending is not Ending.COMPLETED:
        raise RuntimeError(outcome.detail)
    return time.perf_counter() - begin


async def compare(rounds: int) -> None:
    """Take turns, and print a line for each kind of program, then all together."""
    begin = time.perf_counter()
    plain: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    pooled: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    async with SandboxPool(1) as pool:
        print(f"{pool.report}; ready in {time.perf_counter() - begin:.2f} s")
        for _ in range(rounds):
            for name, program in PROGRAMS.items():
                plain[name].append(run_plain(program))
                pooled[name].append(await run_pooled(pool, program))
        for name in PROGRAMS:
            show(name, plain[name], pooled[name])
        show("all", [*chain(*plain.values())], [*chain(*pooled.values())])
        await show_throughput(rounds)


def show(name: str, plain: list[float], pooled: list[float]) -> None:
    """Print both medians in milliseconds, and how many times faster the pool is."""
    slow, fast = statistics.median(plain), statistics.median(pooled)
    print(f"{name:6} plain {slow * 1e3:7.1f} ms   pool {fast * 1e3:6.1f} ms   {slow / fast:5.1f} x")


async def show_throughput(rounds: int) -> None:
    """Print how many programs a second two workers get through."""
    async with SandboxPool(2) as pool:
        begin = time.perf_counter()
        programs = list(PROGRAMS.values()) * rounds
        await asyncio.gather(*(run_pooled(pool, program) for program in programs))
        rate = len(programs) / (time.perf_counter() - begin)
    print(f"two workers: {rate:.0f} programs a second")


def main() -> None:
    """Read the number of rounds and compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    asyncio.run(compare(parser.parse_args().rounds))


if __name__ == "__main__":
    main()
