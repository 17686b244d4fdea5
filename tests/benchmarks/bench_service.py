"""Loads the verifier service with 32 callers: python tests/benchmarks/bench_service.py.

The programs are the gold ones of SciCode's dev sub-steps that take less than 2 s, where the data
is there, else the example's; every fifth lacks its own candidate and fails. Each verdict is
compared with a direct `Verifier`'s. Before and after, the plain runner (`python -c`, a process for
each program, as many at once as cores) runs the same programs and cases, without judging.
"""

import argparse
import asyncio
import itertools
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from flows.config import DataSettings, validate
from flows.dataset import Dataset, load_dataset, make_verifier
from flows.derive import gold_programs
from tasks.core.program import assemble_program
from tasks.core.records import Reason, Verdict

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "scicode"
LIGHT_S = 2.0
EVERY = 5  # one in so many programs fails
TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Work:
    """A program, the same with its cases for the plain runner, and what the verifier concludes."""

    problem_id: str
    step_id: str
    program: str
    plain: str
    expected: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Usage:
    """What the service holds; kilobytes are of the service itself and of all its processes."""

    own_kb: int
    all_kb: int
    descriptors: int
    processes: int


@dataclass(slots=True)
class Tally:
    """What the callers saw."""

    statuses: Counter[str] = field(default_factory=Counter)
    different: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def settings() -> dict[str, object]:
    """Return the data settings: SciCode's dev problems if they are there."""
    if not (DATA / "targets_dev.h5").is_file():
        return {"dataset": "example"}
    return {"dataset": "scicode-dev", "data_dir": DATA, "targets": DATA / "targets_dev.h5"}


async def prepare(config: DataSettings, dataset: Dataset) -> list[Work]:
    """Verify every program directly and keep the light ones, without waiting for the others."""
    config = config.model_copy(update={"time_limit_s": 2 * LIGHT_S})
    programs = list(failing_and_gold(dataset))
    async with make_verifier(config, dataset) as verifier:
        verdicts = [await verifier.verify(step, text, None) for _, step, text in programs]
    return [
        Work(problem, step, text, with_cases(dataset, step, text), essence(verdict))
        for (problem, step, text), verdict in zip(programs, verdicts, strict=True)
        if verdict.duration_s < LIGHT_S
    ]


def failing_and_gold(dataset: Dataset) -> Iterator[tuple[str, str, str]]:
    """Yield problem, sub-step and program; every fifth program stops before its own candidate."""
    number = itertools.count()
    for problem in dataset.problems:
        earlier: list[str] = []
        gold = gold_programs(problem)
        for step in problem.sub_steps:
            if step.step_id in dataset.scored:
                lacking = assemble_program(problem.dependencies, earlier, "")
                fails = next(number) % EVERY == EVERY - 1
                yield problem.problem_id, step.step_id, lacking if fails else gold[step.step_id]
            earlier.append(step.gold or step.given or "")


def with_cases(dataset: Dataset, step_id: str, program: str) -> str:
    """Append the cases, up to the values that would be compared."""
    cases = (case.child for case in dataset.plans[step_id].cases)
    return "\n".join([program, *("\n".join((case.source, *case.ships)) for case in cases)])


def essence(verdict: Verdict) -> tuple[str, str]:
    """Return what must not depend on who verifies."""
    return verdict.reason.value, verdict.detail


@asynccontextmanager
async def served(config: dict[str, object], queue: int):
    """Start the service; yield its process id and URL."""
    options = [text for k, v in config.items() for text in (f"--{k.replace('_', '-')}", str(v))]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "flows", "serve-verifier", "--port", "0"),
        # The same programs come again and again: each is to run.
        *("--queue", str(queue), "--no-verdict-cache", *options),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().split()[2]
    await process.stdout.readline()
    try:
        yield process.pid, url
    finally:
        process.send_signal(signal.SIGTERM)
        print(f"the service ended with {await process.wait()}")


async def load(url: str, work: list[Work], clients: int, seconds: float) -> Tally:
    """Let the callers ask, one program after another, until the time is over."""
    tally, deadline = Tally(), time.monotonic() + seconds
    turns = itertools.cycle(work)

    async def call(http: httpx.AsyncClient) -> None:
        while time.monotonic() < deadline:
            await ask(http, next(turns), tally)

    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx.AsyncClient(
        base_url=url, trust_env=False, timeout=TIMEOUT_S, limits=limits
    ) as http:
        await asyncio.gather(*(call(http) for _ in range(clients)))
    return tally


async def ask(http: httpx.AsyncClient, work: Work, tally: Tally) -> None:
    """Ask for one verdict and compare it."""
    begin = time.monotonic()
    body = {"problem_id": work.problem_id, "solutions": {work.step_id: work.program}}
    try:
        reply = await http.post("/verify", json=body)
    except httpx.HTTPError as error:
        tally.statuses[type(error).__name__] += 1
        return
    tally.statuses[str(reply.status_code)] += 1
    if reply.status_code == 429:
        await asyncio.sleep(float(reply.headers["retry-after"]))
    elif reply.status_code == 200:
        tally.seconds.append(time.monotonic() - begin)
        verdict = reply.json()["verdicts"][work.step_id]
        if (verdict["reason"], verdict["detail"]) != work.expected:
            tally.different.append(f"{work.step_id}: {verdict['reason']} {verdict['detail']}")


async def plain_rate(work: list[Work], seconds: float) -> float:
    """Return how many programs a second the plain runner gets through."""
    done, begin = 0, time.monotonic()
    turns = itertools.cycle(work)

    async def run() -> None:
        nonlocal done
        while time.monotonic() < begin + seconds:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", next(turns).plain),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            await process.wait()
            done += 1

    await asyncio.gather(*(run() for _ in range(os.cpu_count() or 1)))
    return done / (time.monotonic() - begin)


def usage(pid: int) -> Usage:
    """Read what a process and its descendants hold."""
    family = [pid, *descendants(pid)]
    sizes = [resident_kb(member) for member in family]
    descriptors = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return Usage(sizes[0], sum(sizes), descriptors, len(family))


def descendants(pid: int) -> list[int]:
    """Return the ids of a process's children, their children and so on."""
    children = [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]
    return [*children, *itertools.chain.from_iterable(map(descendants, children))]


def resident_kb(pid: int) -> int:
    """Return the memory that is in use."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in status if line.startswith("VmRSS:")), 0)


async def compare(seconds: float, clients: int, queue: int) -> bool:
    """Measure, print one table, and tell whether all went well."""
    chosen = settings()
    config = validate(DataSettings, chosen)
    dataset = load_dataset(config)
    work = await prepare(config, dataset)
    failing = sum(item.expected[0] != Reason.PASSED for item in work)
    plain = [await plain_rate(work, seconds / 4)]
    async with served(chosen, queue) as (pid, url):
        await load(url, work, clients, min(seconds / 4, 5))
        await asyncio.sleep(1)
        before = usage(pid)
        begin = time.monotonic()
        tally = await load(url, work, clients, seconds)
        rate = tally.statuses["200"] / (time.monotonic() - begin)
        await asyncio.sleep(1)
        after = usage(pid)
    plain.append(await plain_rate(work, seconds / 4))
    mean = sum(plain) / len(plain)
    ordered = sorted(tally.seconds)
    p50, p95 = (ordered[int(len(ordered) * share)] for share in (0.5, 0.95))
    table = {
        "dataset": f"{dataset.name}, {len(work)} light programs, {failing} of them fail",
        "callers, queue": f"{clients}, {queue}",
        "answers by status": ", ".join(f"{s}: {n}" for s, n in sorted(tally.statuses.items())),
        "other verdicts than a direct Verifier's": len(tally.different),
        "requests a second": f"{rate:.1f}",
        "plain runner, programs a second": " and ".join(f"{r:.1f}" for r in plain),
        "ratio": f"{rate / mean:.1f}",
        "seconds to answer, median and 95 %": f"{p50:.2f}, {p95:.2f}",
        "service's own memory, kB": f"{before.own_kb} -> {after.own_kb}",
        "memory of all its processes, kB": f"{before.all_kb} -> {after.all_kb}",
        "descriptors": f"{before.descriptors} -> {after.descriptors}",
        "processes": f"{before.processes} -> {after.processes}",
    }
    for name, value in table.items():
        print(f"{name:42}{value}")
    print(*tally.different[:5], sep="\n")
    return not tally.different and set(tally.statuses) <= {"200", "429"}


def main() -> None:
    """Read the options and compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--queue", type=int, default=64)
    options = parser.parse_args()
    sys.exit(0 if asyncio.run(compare(options.seconds, options.clients, options.queue)) else 1)


if __name__ == "__main__":
    main()
