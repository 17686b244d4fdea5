"""Times the orchestration alone: python tests/benchmarks/bench_orchestration.py.

65 problems with 288 sub-steps, as many as SciCode scores, go through the real command line: the
embedded endpoint answers at once, and every program is one trivial function with one case, which
really runs and is really judged (but the same program once only: later repeats take its verdict
from the cache). `own` is the server that the plain command line starts. Requests are counted where
the server answers them. PostgreSQL is a private cluster of Debian's package, where it is installed.

The goals are for two idle cores. On a busy machine look at the processor seconds: all of them
together, by two, is about what idle cores would take.
"""

import argparse
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httpx
from private_postgres import find_binaries, private_postgres
from process_view import children

from tasks.targets import write_targets

PROBLEMS = 65
SUB_STEPS = 288
OWN, SQLITE, POSTGRESQL = "own", "sqlite", "postgresql"
VISIBLE_S = 60.0
# The runs that an evaluation leaves, by how their names begin.
RUNS = (
    *(("task_run", "generate %"), ("task_run", "verify %")),
    *(("flow_run", "reference on %"), ("flow_run", "problem %")),
)
# Seconds that an evaluation may take on two idle cores, by server and repeats.
GOALS_S = {
    (SQLITE, 1): 35.0,
    (OWN, 1): 35.0,
    (SQLITE, 8): 120.0,
    (OWN, 8): 120.0,
    (POSTGRESQL, 8): 60.0,
}
GOAL_RSS_MB = 500.0
FLAT = 1.2  # how much more memory eight repeats may take than one


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, or none for the plain command line, which has its own."""

    url: str | None
    home: Path
    counts: Path
    pid: int
    postmaster: int

    def backends(self) -> list[int]:
        """Return the processes of its database."""
        return [self.postmaster, *children(self.postmaster)] if self.postmaster else []


@dataclass(frozen=True, slots=True)
class Result:
    """What one evaluation took and left.

    Processor seconds are of the evaluator with all that it started, of the server, and of
    PostgreSQL. `visible_s` is when the server showed every run,
    `lost` says in words what is missing.
    """

    seconds: float
    own_cpu_s: float
    server_cpu_s: float
    database_cpu_s: float
    peak_mb: float
    visible_s: float
    lost: tuple[str, ...]


def write_problems(folder: Path, problems: int) -> Path:
    """Write a benchmark whose programs are trivial: chains of 4 and 5 sub-steps, like SciCode's."""
    lines: list[str] = []
    targets: dict[str, list[object]] = {}
    for number in range(1, problems + 1):
        length = SUB_STEPS * number // PROBLEMS - SUB_STEPS * (number - 1) // PROBLEMS
        steps = [sub_step(f"{number}.{index + 1}") for index in range(length)]
        targets |= {str(step["step_number"]): [1] for step in steps}
        lines.append(
            json.dumps(
                {
                    "problem_id": str(number),
                    "problem_name": f"trivial_{number}",
                    "required_dependencies": "",
                    "sub_steps": steps,
                }
            )
        )
    file = folder / "problems.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines))
    write_targets(folder / "targets.h5", targets)
    return file


def sub_step(step_id: str) -> dict[str, object]:
    """Return one sub-step: a function that returns 1."""
    header = f"def one_{step_id.replace('.', '_')}():"
    return {
        "step_number": step_id,
        "step_description_prompt": f"Return one, in {step_id}.",
        "step_background": "",
        "function_header": header,
        "return_line": "    return result",
        "test_cases": [f"assert {header[4:-1]} == target"],
        "ground_truth_code": f"{header}\n    return 1",
    }


@contextmanager
def serving(name: str, folder: Path) -> Generator[Server]:
    """Start a server with a new database; the first start makes its tables and is not timed."""
    home, counts = folder / "prefect", folder / "counts.json"
    home.mkdir(parents=True)
    with ExitStack() as stack:
        database, postmaster = f"sqlite:///{home / 'prefect.db'}", 0
        if name == POSTGRESQL:
            binaries = find_binaries()
            assert binaries is not None
            database, postmaster = stack.enter_context(private_postgres(binaries))
        here = Path(__file__).with_name("counted_server.py")
        process = subprocess.Popen(
            [sys.executable, str(here), str(counts), database],
            env=environment(home),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        with process.stdout as output:
            url = f"{output.readline().strip()}/api"
            if name == OWN:
                # Its tables are made; the plain command line starts its own server on them.
                end(process)
                yield Server(None, home, counts, 0, 0)
                return
            try:
                yield Server(url, home, counts, process.pid, postmaster)
            finally:
                end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Ask a process to end, and wait."""
    process.send_signal(signal.SIGTERM)
    process.wait()


def environment(home: Path, url: str | None = None) -> dict[str, str]:
    """Return this process's environment with a Prefect of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SCICODE")}
    return {**kept, "PREFECT_HOME": str(home), **({"PREFECT_API_URL": url} if url else {})}


def measure(server: Server, problems: Path, repeats: int, folder: Path) -> Result:
    """Run one evaluation with an empty cache, and look at what it left."""
    output = folder / "run"
    options = {
        "dataset": problems,
        "repeats": repeats,
        "output": output,
        "cache-dir": folder / "cache",
    }
    before, server_before = visible(server), cpu_s(server.pid)
    databases_before = sum(map(cpu_s, server.backends()))
    begin = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "flows", "evaluate"]
        + [text for name, value in options.items() for text in (f"--{name}", str(value))],
        env=environment(server.home, server.url),
        stdout=subprocess.DEVNULL,
    )
    peak = 0.0
    try:
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            peak = max(peak, peak_mb(process.pid))
            time.sleep(0.1)
    except BaseException:
        process.terminate()
        raise
    process.returncode = os.waitstatus_to_exitcode(ended[1])
    done = time.monotonic()
    databases_cpu = sum(map(cpu_s, server.backends())) - databases_before
    lost = [f"exit code {process.returncode}"] if process.returncode else []
    expected = expectation(problems, repeats)
    while (shown := visible(server) - before) != expected:
        if time.monotonic() - done > VISIBLE_S:
            lost.append(f"the server shows {dict(shown)}, not {dict(expected)}")
            break
        time.sleep(0.5)
    return Result(
        done - begin,
        ended[2].ru_utime + ended[2].ru_stime,
        cpu_s(server.pid) - server_before,
        databases_cpu,
        peak,
        time.monotonic() - done,
        (*lost, *missing(output, expected["task_run"] // 2)),
    )


def expectation(problems: Path, repeats: int) -> Counter[str]:
    """Return what the server is to show in the end."""
    steps = [json.loads(line)["sub_steps"] for line in problems.read_text().splitlines()]
    return Counter({"task_run": 2 * repeats * sum(map(len, steps)), "flow_run": 1 + len(steps)})


def visible(server: Server) -> Counter[str]:
    """Count the completed runs, over the API, or in the database when its server has ended."""
    shown: Counter[str] = Counter()
    if server.url is None:
        query = "SELECT count(*) FROM {} WHERE state_type = 'COMPLETED' AND name LIKE ?"
        with closing(sqlite3.connect(server.home / "prefect.db")) as database:
            for table, like in RUNS:
                shown[table] += database.execute(query.format(table), (like,)).fetchone()[0]
        return shown
    with httpx.Client(trust_env=False, timeout=60) as http:
        for table, like in RUNS:
            wanted = {"state": {"type": {"any_": ["COMPLETED"]}}, "name": {"like_": like[:-1]}}
            reply = http.post(f"{server.url}/{table}s/count", json={f"{table}s": wanted})
            shown[table] += reply.raise_for_status().json()
    return shown


def missing(output: Path, sub_steps: int) -> list[str]:
    """Tell what the run directory lacks."""
    if not (output / "metrics.json").is_file():
        return ["no metrics.json"]
    found = {
        name: len((output / name).read_text().splitlines())
        for name in ("generations.jsonl", "verdicts.jsonl")
    }
    passed = (output / "verdicts.jsonl").read_text().count('"passed": true')
    wrong = [
        f"{name}: {count} lines, not {sub_steps}"
        for name, count in found.items()
        if count != sub_steps
    ]
    return wrong + ([f"{passed} passed"] if passed != sub_steps else [])


def peak_mb(pid: int) -> float:
    """Return the most memory that a process had so far, in megabytes (10^6 bytes)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    sizes = (int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return next(sizes, 0) * 1024 / 1e6


def cpu_s(pid: int) -> float:
    """Return the processor seconds of a process so far, and of those below it that have ended."""
    if not pid:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def report(what: tuple[str, int, int], result: Result, counts: Counter[str]) -> bool:
    """Print one evaluation, and tell whether it is as it should be."""
    name, problems, repeats = what
    goal = GOALS_S.get((name, repeats)) if problems == PROBLEMS else None
    # Asking for the counts is the benchmark's own.
    asked = [text for text in counts.elements() if "count" not in text and "inside" not in text]
    table = {
        "seconds": f"{result.seconds:.1f}" + (f", goal {goal:g}" if goal else ""),
        "seconds a problem": f"{result.seconds / problems:.2f}",
        "processor seconds": f"evaluator {result.own_cpu_s:.1f}, server {result.server_cpu_s:.1f}, "
        f"database {result.database_cpu_s:.1f}",
        "requests a problem": f"{len(asked) / problems:.1f}" if counts else "not counted",
        "answers `busy`": sum(text.startswith("503") for text in asked),
        "repeated in the server": sum(text.startswith("inside 503") for text in counts.elements()),
        "evaluator's peak, MB": f"{result.peak_mb:.0f}",
        "all runs visible after": f"{result.visible_s:.1f} s",
        "lost": ", ".join(result.lost) or "nothing",
        "load of the machine": f"{os.getloadavg()[0]:.1f}",
    }
    print(f"{name}, {problems} problems x {repeats}")
    for key, value in table.items():
        print(f"    {key:24}{value}", flush=True)
    return not result.lost and result.peak_mb < GOAL_RSS_MB and (not goal or result.seconds <= goal)


def bench(name: str, repeats: tuple[int, ...], problems: int, *, routes: bool) -> bool:
    """Measure one server with each number of repeats, each with a new database."""
    fine = True
    peaks: list[float] = []
    for count in repeats:
        with tempfile.TemporaryDirectory(prefix="bench-orchestration-") as temporary:
            folder = Path(temporary)
            file = write_problems(folder, problems)
            with serving(name, folder / "server") as server:
                result = measure(server, file, count, folder)
            counts = Counter[str]()
            if server.url:
                counts.update(cast("dict[str, int]", json.loads(server.counts.read_text())))
        fine &= report((name, problems, count), result, counts)
        peaks.append(result.peak_mb)
        for text, number in counts.most_common() if routes else ():
            print(f"    {number:6} {text}")
    return fine and max(peaks) <= FLAT * min(peaks)


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--servers", default=f"{SQLITE},{OWN},{POSTGRESQL}")
    parser.add_argument("--repeats", default="1,8")
    parser.add_argument("--problems", type=int, default=PROBLEMS)
    parser.add_argument("--routes", action="store_true", help="print the requests by route")
    options = parser.parse_args()
    # Whoever ends the benchmark ends its servers too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    fine = True
    for name in options.servers.split(","):
        if name == POSTGRESQL and find_binaries() is None:
            print("postgresql: not installed (Debian: apt-get install postgresql), left out")
            continue
        repeats = tuple(map(int, options.repeats.split(",")))
        fine &= bench(name, repeats, options.problems, routes=options.routes)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
