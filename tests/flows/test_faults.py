"""Whole evaluations through an endpoint that fails: nothing is lost, and the score is the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.config import EvalConfig

if TYPE_CHECKING:
    from tests.conftest import Asked, FaultyEndpoint

Evaluate = Callable[[EvalConfig], dict[str, Any]]
MakeConfig = Callable[..., EvalConfig]
ReadLines = Callable[[Path], list[dict[str, Any]]]

TIMING = ("latency_s", "duration_s", "cached", "layers")
STEPS = ("1.1", "1.2", "1.3", "2.2")
REPEATS = 8
GENERATIONS = [(step_id, repeat) for repeat in range(REPEATS) for step_id in STEPS]
# Answers, but others than without the fault: they change a score or a count.
TELLING = ("usage missing", "usage zero", "usage null", "null content")
FINAL = ("400", "401", "403", "404", "429 tomorrow")
TIMEOUTS = ("silent", "headers only", "endless bytes")
BROKEN = ("refused", "dropped", "cut", "reset")
NO_COMPLETION = (
    *("page", "invalid json", "truncated json", "empty body", "empty choices"),
    *("finish error", "finish abort"),
)


@pytest.fixture
def faulty_config(faulty: FaultyEndpoint, small_config: MakeConfig) -> MakeConfig:
    """Make the configuration of an evaluation that asks the faulty endpoint, impatiently."""

    def make(**changes: object) -> EvalConfig:
        settings = {
            "base_url": faulty.base_url,
            "request_retries": 8,
            "request_backoff_s": 0.02,
            "request_timeout_s": 2,
        }
        return small_config(**{**settings, **changes})

    return make


def stable(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in line.items() if k not in TIMING} for line in lines]


def check_equal(run: Path, other: Path, read_lines: ReadLines) -> None:
    """Compare two runs up to times."""
    metrics = [json.loads((folder / "metrics.json").read_text()) for folder in (run, other)]
    assert metrics[0] == metrics[1]
    for name in ("generations.jsonl", "verdicts.jsonl", "rollouts.jsonl"):
        assert stable(read_lines(run / name)) == stable(read_lines(other / name)), name


def run_record(config: EvalConfig) -> Any:
    assert config.output is not None
    return json.loads((config.output / "run.json").read_text())


def test_an_evaluation_through_every_fault_loses_nothing(
    evaluate: Evaluate,
    faulty: FaultyEndpoint,
    faulty_config: MakeConfig,
    read_lines: ReadLines,
    tmp_path: Path,
) -> None:
    """Every fault meets one generation, and six of them meet a 503 afterwards."""
    telling = dict(zip(GENERATIONS[-len(TELLING) :], TELLING, strict=True))
    passing = [fault for fault in faulty.faults if fault not in (*TELLING, *FINAL)]
    coming = {g: [fault] for g, fault in zip(GENERATIONS, passing, strict=False)}
    assert len(coming) == len(passing)
    assert not coming.keys() & telling.keys()
    for generation in GENERATIONS[:6]:
        coming[generation].append("503")

    faulty.plan = lambda asked: telling.get(asked.generation)
    whole = faulty_config(repeats=REPEATS, output=tmp_path / "whole", cache_dir=tmp_path / "other")
    evaluate(whole)
    assert faulty.met == Counter(TELLING)
    faulty.record.clear()

    def fail(asked: Asked) -> str | None:
        if coming.get(asked.generation):
            return coming[asked.generation].pop(0)
        return telling.get(asked.generation)

    faulty.plan = fail
    config = faulty_config(repeats=REPEATS)
    evaluate(config)

    assert faulty.met == Counter([*passing, *TELLING, *["503"] * 6])
    assert faulty.answered == Counter(GENERATIONS)
    check_equal(config.output, whole.output, read_lines)
    record = run_record(config)
    assert (record["status"], record["unscored_attempts"]) == ("complete", 0)
    check_failed_tries(record["failed_tries"], faulty.met)


def check_failed_tries(failed: dict[str, int], met: Counter[str]) -> None:
    """Compare what a run counted with what its endpoint did."""
    named = Counter[str]()
    for fault, times in met.items():
        if fault in NO_COMPLETION:
            named["no completion"] += times
        elif fault == "error inside":
            named["HTTP 503"] += times
        elif fault[0].isdigit():
            named[f"HTTP {fault[:3]}"] += times
        elif fault in TIMEOUTS:
            named["timeout"] += times
        elif fault in BROKEN:
            named["connection"] += times
    # What was refused while the port was closed is known to the run alone.
    refused = failed["connection"] - named["connection"]
    assert refused > 0
    assert failed == {**named, "connection": named["connection"] + refused}
