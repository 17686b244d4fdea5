"""Measures memory against its bounds: python tests/benchmarks/bench_memory.py.

A targets file of about 1 GB is synthesised: several sub-steps of 128 MB and a small one. The small
one must not make the judge read the others; one of 128 MB must not pass through the evaluator whole
more than once. Peaks are the kernel's own (VmHWM), reset before each measurement.
"""

import argparse
import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from process_view import bytes_read, judge_and_zygote, memory_mb, own_peak_mb, reset_own_peak

from tasks.core.records import Limits, Problem, SubStep
from tasks.targets import write_targets
from tasks.verifier import Verifier, plan_steps

LARGE = 16_000_000  # doubles: 128 MB
SMALL = 1000
ZYGOTE_MB = 150.0
EVALUATOR_MB = 400.0
SMALL_SHARE_MB = 10.0


@dataclass(frozen=True, slots=True)
class Line:
    """A measured quantity and its bound, in megabytes (10^6 bytes)."""

    name: str
    found: float
    bound: float

    def __str__(self) -> str:
        """Return a line of the table."""
        mark = "ok" if self.found <= self.bound else "OVER"
        return f"{self.name:44} {self.found:8.1f} MB   at most {self.bound:6.1f}   {mark}"


def sub_step(step_id: str) -> SubStep:
    """Return a sub-step whose values are compared element by element."""
    return SubStep(step_id, "", "", "def f():", None, ("assert np.allclose(f(), target)",))


def program(size: int) -> str:
    """Return a program that ships so many doubles, those of `synthesise`."""
    return f"import numpy as np\ndef f():\n    return np.random.default_rng(1).random({size})\n"


def synthesise(file: Path, steps: list[str]) -> None:
    """Write targets of 128 MB for every sub-step but the last, which is small."""
    large, small = (np.random.default_rng(1).random(size) for size in (LARGE, SMALL))
    write_targets(file, {step: [small if step == steps[-1] else large] for step in steps})


async def measure(file: Path, steps: list[str]) -> list[Line]:
    """Judge the small sub-step, then a large one."""
    tenth_mb = file.stat().st_size / 1e7  # noqa: ASYNC240 - nothing else runs meanwhile
    plans = plan_steps([Problem("1", "", "", tuple(map(sub_step, steps)))], frozenset(steps))
    async with Verifier(plans, file, 1, Limits()) as verifier:
        judge, zygote = judge_and_zygote()
        lines = [
            Line(f"zygote, {name}", memory_mb(zygote, name), ZYGOTE_MB) for name in ("Rss", "Pss")
        ]
        began = bytes_read(judge)
        await expect_pass(verifier, steps[-1], program(SMALL))
        read = (bytes_read(judge) - began) / 1e6
        lines.append(Line("judge, read for the small sub-step", read, SMALL_SHARE_MB))
        lines.append(Line("judge, read since its start", bytes_read(judge) / 1e6, tenth_mb))
        reset_own_peak()
        lines.append(Line("evaluator, RSS before", own_peak_mb(), EVALUATOR_MB))
        await expect_pass(verifier, steps[0], program(LARGE))
        lines.append(Line("evaluator, peak RSS at a 128 MB target", own_peak_mb(), EVALUATOR_MB))
        lines.append(Line("judge, RSS afterwards", memory_mb(judge, "Rss"), 2000.0))
    return lines


async def expect_pass(verifier: Verifier, step_id: str, text: str) -> None:
    """Verify what must pass."""
    verdict = await verifier.verify(step_id, text, None)
    if not verdict.passed:
        raise RuntimeError(f"expected sub-step {step_id} to pass, found {verdict}")


def main(count: int) -> None:
    """Print the table."""
    steps = [f"1.{number}" for number in range(1, count + 2)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "targets.h5")
        synthesise(file, steps)
        print(f"targets file: {file.stat().st_size / 1e6:.0f} MB, {len(steps)} sub-steps")
        for line in asyncio.run(measure(file, steps)):
            print(line)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=8, help="sub-steps of 128 MB in the file (8)")
    main(parser.parse_args().steps)
