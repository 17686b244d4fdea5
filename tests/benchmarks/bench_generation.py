"""Measures what a generation costs besides the model: python tests/benchmarks/bench_generation.py.

288 sub-steps, 8 repeats, each a chain as the evaluation runs it, without Prefect: prompts rendered,
answers kept in the cache and in generations.jsonl. An instant endpoint in a process of its own
answers. Before and after, the bare openai client sends the same requests, as many at once, and
stores nothing. Then everything once more from the cache. Figures depend on the machine and on its
disk (`--folder`); the processor's time does so less than the clock's.
"""

import argparse
import asyncio
import cProfile
import os
import pstats
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import openai
from generation_work import Work, generation_work
from instant_endpoint import instant_endpoint
from process_view import memory_mb

from flows.lines import generation_line
from flows.turns import Turns
from tasks.budget import Budget
from tasks.chat import ChatClient
from tasks.core.extraction import extract_candidate
from tasks.core.model_settings import EndpointSettings, ModelSettings
from tasks.core.program import assemble_program
from tasks.core.prompting import render_prompt
from tasks.core.records import Problem, StepKey
from tasks.core.spending import Spent
from tasks.generation import CachedModel
from tasks.generation_cache import GenerationCache
from tasks.patience import Patience, PatientClient
from tasks.request_gate import RequestGate, RequestLimits
from tasks.run_directory import LineLog
from tasks.stop_signal import StopSignal

SETTINGS = ModelSettings("m", "bench", temperature=0.7, max_tokens=4096)
TICK_S = 0.005
NOBODY = "http://127.0.0.1:9/v1"  # everything is in the cache
SHARES = (8, 2, 1)  # memory is read after an eighth, half and all of the generations


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked: every chain so many times, and how many requests are in flight."""

    work: Work
    repeats: int
    concurrency: int

    @property
    def generations(self) -> int:
        """Return how many generations that is."""
        return self.repeats * len(self.work.answers)


@dataclass(frozen=True, slots=True)
class Took:
    """What a pass took: seconds of the clock and of the processor, and the longest standstill."""

    generations: int
    clock_s: float
    processor_s: float
    standstill_s: float

    def __str__(self) -> str:
        """Return the figures for one generation."""
        clock_ms = self.clock_s / self.generations * 1e3
        processor_ms = self.processor_s / self.generations * 1e3
        return (
            f"{clock_ms:6.2f} ms a generation ({processor_ms:5.2f} ms of the processor), "
            f"longest standstill of the event loop {self.standstill_s * 1e3:5.1f} ms"
        )


@dataclass(slots=True)
class Run:
    """One pass through the product's code, with what the evaluation keeps in memory."""

    load: Load
    model: CachedModel
    lines: LineLog
    spent: list[Spent] = field(default_factory=list[Spent])
    memory: dict[int, float] = field(default_factory=dict[int, float])

    async def write(self, problem: Problem, repeat: int) -> None:
        """Write a chain, as flows/attempt.py does."""
        earlier: list[str] = []
        template = self.load.work.template
        for index, step in enumerate(problem.sub_steps):
            if step.given is not None:
                earlier.append(step.given)
                continue
            prompt = render_prompt(template, problem, index, earlier, background=True)
            key = StepKey(problem.problem_id, repeat, step.step_id)
            answered = await self.model.answer(key, prompt)
            candidate = extract_candidate(answered.generation.text)
            program = assemble_program(problem.dependencies, earlier, candidate.code)
            self.lines.append(key, generation_line(prompt, answered, candidate, program))
            self.spent.append(Spent.of(key, answered))
            self._look()
            earlier.append(candidate.code)

    def _look(self) -> None:
        count = len(self.spent)
        if count in {self.load.generations // share for share in SHARES}:
            self.memory[count] = memory_mb(os.getpid(), "Rss")


async def stored(load: Load, url: str, folder: Path) -> tuple[Took, Run]:
    """Write all chains through the product's code into a cache and a file of lines."""
    client = ChatClient(EndpointSettings(url), "none")
    stop = StopSignal()
    gate = RequestGate(RequestLimits(load.concurrency), stop)
    patient = PatientClient(client, Patience(), gate, Budget(None, None, None), stop)
    model = CachedModel(patient, SETTINGS, GenerationCache(folder / "cache"))
    lines = LineLog(folder / "generations.jsonl")
    run = Run(load, model, lines)
    try:
        took = await measure(load, run.write)
    finally:
        await client.aclose()
        lines.close()
    return took, run


async def bare(load: Load, url: str) -> Took:
    """Send the same requests with the openai client alone."""
    http = openai.DefaultAsyncHttpxClient(trust_env=False)
    slots = asyncio.Semaphore(load.concurrency)
    async with openai.AsyncOpenAI(base_url=url, api_key="none", http_client=http) as client:

        async def write(problem: Problem, repeat: int) -> None:
            for step_id, prompt in load.work.prompts[problem.problem_id]:
                async with slots:
                    await client.chat.completions.create(
                        model=SETTINGS.model,
                        messages=[{"role": "user", "content": prompt}],
                        temperature=SETTINGS.temperature,
                        max_tokens=SETTINGS.max_tokens,
                        extra_headers={"X-Client-Request-Id": f"{step_id}/{repeat}"},
                    )

        return await measure(load, write)


async def measure(load: Load, write: Callable[[Problem, int], Awaitable[None]]) -> Took:
    """Let the chains in as the evaluation does, and take the time."""
    turns = Turns(load.concurrency)

    async def chain(problem: Problem, repeat: int) -> None:
        await write(problem, repeat)
        turns.leave(problem.problem_id)

    async def run(problem: Problem) -> None:
        async with turns.turn(problem.problem_id, load.repeats):
            await asyncio.gather(*(chain(problem, repeat) for repeat in range(load.repeats)))

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    clock_s, processor_s = time.perf_counter(), time.process_time()
    await asyncio.gather(*map(run, load.work.problems))
    clock_s, processor_s = time.perf_counter() - clock_s, time.process_time() - processor_s
    watching.cancel()
    return Took(load.generations, clock_s, processor_s, await watching)


async def watch() -> float:
    """Sleep again and again until cancelled; return how much too long the longest sleep was."""
    longest_s = 0.0
    try:
        while True:
            begin = time.perf_counter()
            await asyncio.sleep(TICK_S)
            longest_s = max(longest_s, time.perf_counter() - begin - TICK_S)
    except asyncio.CancelledError:
        return longest_s


def show_disk(folder: Path, count: int) -> None:
    """Print what a generation takes on the disk."""
    entries = [path.stat() for path in (folder / "cache").rglob("*.json")]
    lines = (folder / "generations.jsonl").stat()
    kept, allotted = sum(s.st_size for s in entries), sum(s.st_blocks * 512 for s in entries)
    print(
        f"on disk: {(kept + lines.st_size) / count:.0f} bytes a generation: "
        f"{kept / count:.0f} in the cache ({allotted / count:.0f} in whole blocks), "
        f"{lines.st_size / count:.0f} in generations.jsonl"
    )


def show_memory(run: Run) -> None:
    """Print the memory of this process, and by how much it grows for each further generation."""
    counts = sorted(run.memory)
    listed = ", ".join(f"{run.memory[n]:.1f} MB after {n}" for n in counts)
    grown = (run.memory[counts[-1]] - run.memory[counts[0]]) * 1e6 / (counts[-1] - counts[0])
    print(f"memory: {listed}; {grown:.0f} bytes more for each generation")


async def compare(load: Load, folder: Path, profile: cProfile.Profile | None) -> None:
    """Print the table."""
    print(load.work.describe())
    half = replace(load, repeats=max(1, load.repeats // 2))
    with instant_endpoint(load.work.answers, folder) as url:
        before = await bare(half, url)
        print(f"openai client alone  {before}")
        with profile or nullcontext():
            took, run = await stored(load, url, folder)
        print(f"kept                 {took}")
        after = await bare(half, url)
        print(f"openai client alone  {after}")
    alone_s = (before.clock_s + after.clock_s) / (before.generations + after.generations)
    print(f"ratio: {took.clock_s / took.generations / alone_s:.2f}")
    show_disk(folder, load.generations)
    show_memory(run)
    (folder / "generations.jsonl").unlink()
    again, run = await stored(load, NOBODY, folder)
    print(f"from the cache       {again}; {run.model.cached} of {load.generations} found")


def main() -> None:
    """Read the options and compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--concurrency", type=int, default=16, help="requests in flight (16)")
    parser.add_argument("--folder", help="where to store, to measure another disk (temp folder)")
    parser.add_argument("--profile", action="store_true", help="print what the event loop does")
    options = parser.parse_args()
    load = Load(generation_work(), options.repeats, options.concurrency)
    profile = cProfile.Profile() if options.profile else None
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        asyncio.run(compare(load, Path(folder), profile))
    if profile is not None:
        pstats.Stats(profile, stream=sys.stdout).sort_stats("cumtime").print_stats(60)


if __name__ == "__main__":
    main()
