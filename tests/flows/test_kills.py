"""Killed at any moment and started again, a run asks twice for nothing but what was in flight."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Asked, FaultyEndpoint

KILLS = 20
REPEATS = 30
CONCURRENCY = 6
PATIENCE_S = 120.0
# So long an answer may take from the server's socket into the cache, when the machine is busy.
GRACE_S = 0.5
TIMING = ("latency_s", "duration_s", "cached", "layers")
FILES = {
    *("run.json", "report.html", "usage.json", "metrics.json", ".lock"),
    *("generations.jsonl", "verdicts.jsonl", "rollouts.jsonl"),
}


@dataclass(slots=True)
class Killing:
    """Starts the same command again and again, and kills it.

    `strict` and `lenient` hold what was on its way at every kill: as the server knew, and with the
    grace.
    """

    server: FaultyEndpoint
    command: list[str]
    environment: dict[str, str]
    chance: random.Random
    descendants_of: Callable[[int], set[int]]
    are_gone: Callable[[set[int]], bool]
    strict: list[set[tuple[str, int]]] = field(default_factory=list)
    lenient: list[set[tuple[str, int]]] = field(default_factory=list)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, output: Path, cache: Path) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*self.command, "--output", str(output), "--cache-dir", str(cache)],
            env=self.environment,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.started.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill the process at some moment."""
        first = len(self.server.record)
        self._reach_a_moment(process, first)
        descendants = self.descendants_of(process.pid)
        now_s = time.monotonic()
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_until(lambda: self.are_gone(descendants))
        # What it had sent may still be on its way to the server.
        time.sleep(0.2)
        self.strict.append(self.server.unfinished(now_s, first))
        self.lenient.append(self.server.unfinished(now_s - GRACE_S, first))
        print(
            f"kill {len(self.strict)}: {len(self.server.record)} requests, {len(self.strict[-1])} "
            f"in flight, {len(self.lenient[-1])} with the last {GRACE_S} s, {len(descendants)} "
            f"child processes, exit code {process.returncode}",
            flush=True,
        )

    def _reach_a_moment(self, process: subprocess.Popen[bytes], first: int) -> None:
        """Wait for some requests and a little longer, or, one time in four, for any moment."""
        if self.chance.random() < 0.25:
            until_s = time.monotonic() + 6 * self.chance.random()
            wait_until(lambda: time.monotonic() > until_s or process.poll() is not None)
            return
        last = first + self.chance.randint(1, 2 * CONCURRENCY)
        wait_until(lambda: len(self.server.record) >= last or process.poll() is not None)
        time.sleep(self.chance.uniform(0, 0.4))


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Return the folder of temporary files of the processes that are killed."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@pytest.fixture
def killing(
    prefect_api: str,
    faulty: FaultyEndpoint,
    small: Path,
    temporary: Path,
    descendants_of: Callable[[int], set[int]],
    are_gone: Callable[[set[int]], bool],
) -> Iterator[Killing]:
    """Evaluate with answers that take from 0.1 to 0.6 s; nothing that was started is left."""
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 100_000))
    print(f"\nseed {seed} (KILL_SEED={seed} takes the same moments)")
    pace = random.Random(seed)  # noqa: S311 - no secret

    def take_a_while(_: Asked) -> None:
        faulty.delay_s = pace.uniform(0.1, 0.6)

    faulty.plan = take_a_while
    command = [
        *(sys.executable, "-m", "flows", "evaluate", "--dataset", str(small)),
        *("--model", "reference", "--base-url", faulty.base_url, "--repeats", str(REPEATS)),
        *("--workers", "2", "--concurrency", str(CONCURRENCY)),
    ]
    environment = {**os.environ, "PREFECT_API_URL": prefect_api, "TMPDIR": str(temporary)}
    chance = random.Random(seed)  # noqa: S311 - no secret
    killing = Killing(faulty, command, environment, chance, descendants_of, are_gone)
    yield killing
    for process in killing.started:
        process.kill()
        process.wait()


def stable(folder: Path, name: str) -> list[dict[str, Any]]:
    lines = map(json.loads, (folder / name).read_text().splitlines())
    return [{k: v for k, v in line.items() if k not in TIMING} for line in lines]


def content(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def check_equal(run: Path, whole: Path) -> None:
    """Compare two runs up to times, and to what one start of a command counts."""
    assert content(run, "metrics.json") == content(whole, "metrics.json")
    for name in ("generations.jsonl", "verdicts.jsonl", "rollouts.jsonl"):
        assert stable(run, name) == stable(whole, name), name
    of_a_start = ("fresh", "cached", "latency_s")
    usage = [content(folder, "usage.json")["run"] for folder in (run, whole)]
    assert [usage[0][k] for k in usage[0] if k not in of_a_start] == [
        usage[1][k] for k in usage[1] if k not in of_a_start
    ]
    records = [content(folder, "run.json") for folder in (run, whole)]
    for key in ("identity", "status", "unscored_attempts", "failed_tries", "isolation"):
        assert records[0][key] == records[1][key], key


@pytest.mark.slow
def test_a_run_killed_at_twenty_random_moments_ends_like_one_that_was_not(
    killing: Killing, faulty: FaultyEndpoint, temporary: Path, tmp_path: Path
) -> None:
    """30 repeats have 120 generations; `pytest -s` shows the seed and the figures."""
    run, kept = tmp_path / "run", tmp_path / "kept"
    start_s = time.monotonic()
    for _ in range(KILLS):
        killing.kill(killing.start(run, kept))
    assert killing.start(run, kept).wait(PATIENCE_S) == 0

    asked = Counter(a.generation for a in faulty.record)
    in_flight = sum(map(len, killing.strict))
    unfinished = [path for path in kept.rglob(".*") if path.is_file()]
    print(
        f"{sum(asked.values())} requests for {len(asked)} generations, {in_flight} in flight at "
        f"{KILLS} kills, {len(unfinished)} unfinished files in the cache, "
        f"{time.monotonic() - start_s:.0f} s"
    )
    assert len(asked) == 4 * REPEATS
    possible = Counter(generation for names in killing.lenient for generation in names)
    assert {g: n for g, n in asked.items() if n > 1 + possible[g]} == {}
    assert {path.name for path in run.iterdir()} == FILES
    assert list(temporary.iterdir()) == []

    whole = tmp_path / "whole"
    assert killing.start(whole, tmp_path / "other").wait(PATIENCE_S) == 0
    check_equal(run, whole)
