"""Verifies 2000 light programs in one go, and looks for what stays: bench_stress.py --help.

One verifier, the gold programs of the bundled example over and over, every fifth one without its
candidate. What is held before (after a first round, so that all is warm) and after is printed:
processes, descriptors, entries of the temp folder, memory. The temp folder is an own one.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, fields

from gold_work import GoldWork, example_work
from process_view import descendants, descriptors, folders, judge_and_zygote, memory_mb

from tasks.core.records import Limits
from tasks.verifier import Verifier

WARM = 50
EVERY = 5


@dataclass(frozen=True, slots=True)
class Held:
    """What there is of everything that could leak; memory in megabytes (10^6 bytes)."""

    processes: float
    temp_entries: float
    evaluator_descriptors: float
    judge_descriptors: float
    zygote_descriptors: float
    evaluator_mb: float
    judge_mb: float
    zygote_mb: float


def look() -> Held:
    """Count everything, with the verifier open and idle."""
    judge, zygote = judge_and_zygote()
    trio = (os.getpid(), judge, zygote)
    return Held(
        len(descendants()),
        len(folders()),
        *map(descriptors, trio),
        *(memory_mb(pid, "Rss") for pid in trio),
    )


async def verify_many(verifier: Verifier, work: GoldWork, count: int) -> Counter[str]:
    """Verify so many programs, all at once, and count what came of them."""
    names = list(work.programs)

    async def one(number: int) -> str:
        step_id = names[number % len(names)]
        fails = number % EVERY == EVERY - 1
        text = "raise ValueError('no candidate')" if fails else work.programs[step_id]
        verdict = await verifier.verify(step_id, text, None)
        if verdict.passed == fails:
            raise RuntimeError(f"program {number}, sub-step {step_id}: unexpected {verdict}")
        return verdict.reason.value

    return Counter(await asyncio.gather(*map(one, range(count))))


async def stress(count: int, workers: int, warm: int) -> None:
    """Print what was held, and the throughput."""
    with example_work() as work:
        async with Verifier(work.plans, work.targets, workers, Limits()) as verifier:
            print(verifier.isolation)
            await verify_many(verifier, work, warm)
            before = look()
            begin = time.perf_counter()
            reasons = await verify_many(verifier, work, count)
            seconds = time.perf_counter() - begin
            after = look()
    print(f"{count} verifications in {seconds:.1f} s: {count / seconds:.1f} a second; {reasons}")
    print(f"{'':22} {'before':>8} {'after':>8} {'change':>8}")
    for name in (field.name for field in fields(Held)):
        old, new = getattr(before, name), getattr(after, name)
        print(f"{name:22} {old:8.1f} {new:8.1f} {new - old:+8.1f}")
    print(f"closed: {len(descendants())} processes, {len(folders())} temp entries are left")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="verifications in one go (2000)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="at once (cores)")
    parser.add_argument("--warm", type=int, default=WARM, help="in the first round (50)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        asyncio.run(stress(options.count, options.workers, options.warm))
