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
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.config import EvalConfig

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
    *("run.json", "usage.json", "metrics.json", ".lock"),
    *("generations.jsonl", "verdicts.jsonl", "rollouts.jsonl"),
}


@dataclass(slots=True)
class Kills:
    """What was on its way at every kill: as the server knew, and with the grace."""

    strict: list[set[tuple[str, int]]] = field(default_factory=list)
    lenient: list[set[tuple[str, int]]] = field(default_factory=list)
    processes: set[int] = field(default_factory=set)


def stable(folder: Path, name: str) -> list[dict[str, Any]]:
    lines = map(json.loads, (folder / name).read_text().splitlines())
    return [{k: v for k, v in line.items() if k not in TIMING} for line in lines]


def usage(folder: Path) -> dict[str, Any]:
    entry = json.loads((folder / "usage.json").read_text())["run"]
    return {k: v for k, v in entry.items() if k not in ("fresh", "cached", "latency_s")}


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
def test_a_run_killed_at_twenty_random_moments_ends_like_one_that_was_not(  # noqa: PLR0913 - fixtures
    prefect_api: str,
    faulty: FaultyEndpoint,
    evaluate: Callable[[EvalConfig], dict[str, Any]],
    small: Path,
    small_config: Callable[..., EvalConfig],
    descendants_of: Callable[[int], set[int]],
    are_gone: Callable[[set[int]], bool],
    tmp_path: Path,
) -> None:
    """4 generations a repeat, 30 repeats; `pytest -s` shows the seed and the figures."""
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 100_000))
    chance = random.Random(seed)  # noqa: S311 - no secret
    print(f"\nseed {seed} (KILL_SEED={seed} repeats it)")
    run, temporary = tmp_path / "run", tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "PREFECT_API_URL": prefect_api, "TMPDIR": str(temporary)}
    command = [
        *(sys.executable, "-m", "flows", "evaluate", "--dataset", str(small)),
        *("--model", "reference", "--base-url", faulty.base_url, "--repeats", str(REPEATS)),
        *("--output", str(run), "--cache-dir", str(tmp_path / "kept"), "--workers", "2"),
        *("--concurrency", str(CONCURRENCY)),
    ]
    pace = random.Random(seed)  # noqa: S311 - no secret

    def take_a_while(_: Asked) -> None:
        faulty.delay_s = pace.uniform(0.1, 0.6)

    faulty.plan = take_a_while
    kills = Kills()
    start_s = time.monotonic()

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            env=environment,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def reach_a_moment(process: subprocess.Popen[bytes]) -> None:
        """Wait for some requests and a little longer, or, one time in four, for any moment."""
        before, patient_s = len(faulty.record), time.monotonic() + 6 * chance.random()
        if chance.random() < 0.25:
            wait_until(lambda: time.monotonic() > patient_s or process.poll() is not None)
            return
        requests = chance.randint(1, 2 * CONCURRENCY)
        wait_until(lambda: len(faulty.record) >= before + requests or process.poll() is not None)
        time.sleep(chance.uniform(0, 0.4))

    def kill(process: subprocess.Popen[bytes], first: int) -> None:
        started = descendants_of(process.pid)
        now_s = time.monotonic()
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_until(lambda: are_gone(started))
        # What it had sent may still be on its way to the server.
        time.sleep(0.2)
        kills.strict.append(faulty.unfinished(now_s, first))
        kills.lenient.append(faulty.unfinished(now_s - GRACE_S, first))
        kills.processes |= started

    for _ in range(KILLS):
        process, first = start(), len(faulty.record)
        reach_a_moment(process)
        kill(process, first)
        print(
            f"kill {len(kills.strict)} after {time.monotonic() - start_s:.1f} s: "
            f"{len(faulty.record)} requests, {len(kills.strict[-1])} in flight, "
            f"{len(kills.lenient[-1])} with the last {GRACE_S} s, exit code {process.returncode}",
            flush=True,
        )
    assert start().wait(PATIENCE_S) == 0

    needed = 4 * REPEATS
    asked = Counter(a.generation for a in faulty.record)
    in_flight = sum(map(len, kills.strict))
    print(
        f"{sum(asked.values())} requests for {needed} generations, {in_flight} in flight at "
        f"{KILLS} kills, {time.monotonic() - start_s:.0f} s, {len(kills.processes)} processes"
    )
    assert len(asked) == needed
    possible = Counter(generation for names in kills.lenient for generation in names)
    assert {g: n for g, n in asked.items() if n > 1 + possible[g]} == {}

    assert {path.name for path in run.iterdir()} == FILES
    assert list(temporary.iterdir()) == []
    faulty.plan = lambda _: None
    faulty.delay_s = 0.0
    whole = small_config(
        base_url=faulty.base_url,
        repeats=REPEATS,
        output=tmp_path / "whole",
        cache_dir=tmp_path / "other",
    )
    document = evaluate(whole)
    resumed = json.loads((run / "metrics.json").read_text())
    assert resumed["details"] == document["details"]
    assert resumed == document
    for name in ("generations.jsonl", "verdicts.jsonl", "rollouts.jsonl"):
        assert stable(run, name) == stable(tmp_path / "whole", name), name
    assert usage(run) == usage(tmp_path / "whole")
    records = [json.loads((d / "run.json").read_text()) for d in (run, tmp_path / "whole")]
    for key in ("identity", "status", "unscored_attempts", "failed_tries", "isolation"):
        assert records[0][key] == records[1][key], key
