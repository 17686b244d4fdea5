"""Compares verdicts with the plain way: python tests/benchmarks/bench_verifier.py.

Every gold sub-step runs the plain way (`reference_runner`) and through the verifier, in turn, so
that a change of the machine's load meets both. Then all of them go through a verifier at once,
first knowing nothing of them, then with what each took before, so that the longest start first.
"""

import argparse
import asyncio
import os
import statistics
import time
from dataclasses import dataclass

from gold_work import GoldWork, gold_work
from reference_runner import run_reference, with_targets

from tasks.core.records import Limits
from tasks.verifier import Verifier

LIGHT_S = 2.0
RATIO = 7.0
BOUND = 1.15


@dataclass(frozen=True, slots=True)
class Pair:
    """Seconds of one sub-step; of several rounds the median."""

    plain_s: float
    ours_s: float


async def timed(verifier: Verifier, step_id: str, program: str) -> float:
    """Verify a gold program; answer with the seconds it took."""
    begin = time.perf_counter()
    verdict = await verifier.verify(step_id, program, None)
    if not verdict.passed:
        raise RuntimeError(f"gold {step_id} did not pass: {verdict}")
    return time.perf_counter() - begin


async def take_turns(work: GoldWork, rounds: int) -> dict[str, Pair]:
    """Run every sub-step both ways; light ones as often as asked, the others once."""
    pairs = {}
    async with Verifier(work.plans, work.targets, 1, Limits()) as verifier:
        print(verifier.isolation)
        for step_id, program in work.programs.items():
            text = with_targets(step_id, program, work.cases[step_id], work.targets)
            plain: list[float] = []
            ours: list[float] = []
            while len(ours) < rounds and (not ours or plain[0] < LIGHT_S):
                finish = run_reference(text)
                if not finish.passed:
                    raise RuntimeError(f"gold {step_id} did not pass: {finish.detail}")
                plain.append(finish.duration_s)
                ours.append(await timed(verifier, step_id, program))
            pairs[step_id] = Pair(statistics.median(plain), statistics.median(ours))
    return pairs


async def all_at_once(work: GoldWork, workers: int) -> tuple[float, float]:
    """Return the seconds of everything, without and with known costs."""

    async def run() -> float:
        begin = time.perf_counter()
        await asyncio.gather(*(timed(verifier, *item) for item in work.programs.items()))
        return time.perf_counter() - begin

    async with Verifier(work.plans, work.targets, workers, Limits()) as verifier:
        return await run(), await run()


def report_turns(pairs: dict[str, Pair], *, each: bool) -> None:
    """Print the medians of the light steps and their ratio."""
    if each:
        for step_id, pair in pairs.items():
            print(f"{step_id:7} plain {pair.plain_s:8.3f} s   ours {pair.ours_s:8.3f} s")
    light = [pair for pair in pairs.values() if pair.plain_s < LIGHT_S]
    plain = statistics.median(pair.plain_s for pair in light)
    ours = statistics.median(pair.ours_s for pair in light)
    print(f"light steps (< {LIGHT_S:g} s): {len(light)} of {len(pairs)}")
    print(f"median  plain {plain * 1e3:.1f} ms   ours {ours * 1e3:.1f} ms   ", end="")
    print(f"ratio {plain / ours:.1f}   (at least {RATIO:g})")


async def compare(rounds: int, workers: int, *, each: bool) -> None:
    """Print both comparisons."""
    with gold_work() as work:
        pairs = await take_turns(work, rounds)
        report_turns(pairs, each=each)
        seconds = [pair.ours_s for pair in pairs.values()]
        longest, share = max(seconds), sum(seconds) / workers
        bound = BOUND * max(longest, share)
        print(f"one by one: longest {longest:.2f} s, sum / {workers} {share:.2f} s", end="")
        print(f"   bound {bound:.2f} s")
        for name, total in zip(("unknown", "known"), await all_at_once(work, workers), strict=True):
            print(f"all at once, costs {name:8} {total:6.2f} s   {total / bound:.2f} of the bound")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of every light sub-step (5)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="all at once (cores)")
    parser.add_argument("--each", action="store_true", help="print a line for each sub-step")
    options = parser.parse_args()
    asyncio.run(compare(options.rounds, options.workers, each=options.each))
