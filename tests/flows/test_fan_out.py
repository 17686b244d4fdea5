"""Which problem is asked first, in which order the files are, and what is said to be missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from flows.config import EvalConfig
from flows.fan_out import in_order, incomplete
from flows.runtime import Runtime
from tasks.core.records import AttemptResult, StepKey, Usage
from tasks.targets import write_targets

if TYPE_CHECKING:
    from tests.conftest import FaultyEndpoint


def gathered(**fields: object) -> Runtime:
    """Return what these functions read of a runtime."""
    return cast(Runtime, SimpleNamespace(**fields))


def test_the_longest_chains_are_asked_first(
    evaluate: Callable[[EvalConfig], dict[str, Any]],
    small: Path,
    faulty: FaultyEndpoint,
    small_config: Callable[..., EvalConfig],
) -> None:
    """The problem of three sub-steps comes last in the file; 2.1 of the other is given."""
    three, two = small.read_text().splitlines()
    renamed = json.loads(three)
    renamed["problem_id"] = "10"
    for number, step in enumerate(renamed["sub_steps"], 1):
        step["step_number"] = f"10.{number}"
    small.write_text(f"{two}\n{json.dumps(renamed)}\n")
    targets: dict[str, list[object]] = {"10.1": [6], "10.2": [12, 2.0], "10.3": [24]}
    write_targets(small.with_name("targets.h5"), {**targets, "2.2": ["hello x"]})
    evaluate(small_config(base_url=faulty.base_url, concurrency=1, repeats=2))
    asked = [asked.generation[0] for asked in faulty.record]
    assert sorted(asked[:6]) == ["10.1", "10.1", "10.2", "10.2", "10.3", "10.3"]
    assert asked[6:] == ["2.2", "2.2"]


def test_attempts_stand_in_natural_order_of_problem_and_then_of_repeat() -> None:
    keys = [("10", 0), ("2", 1), ("2", 0), ("10", 1), ("1", 0)]
    attempts = [AttemptResult(problem, repeat, (), Usage(0, 0)) for problem, repeat in keys]
    ordered = [(a.problem_id, a.repeat) for a in in_order(gathered(attempts=attempts))]
    assert ordered == [("1", 0), ("2", 0), ("2", 1), ("10", 0), ("10", 1)]


def test_the_error_names_what_is_missing_why_and_what_to_do() -> None:
    """Two of 2 x 3 attempts; the first in the order of the files gives the reason."""
    runtime = gathered(
        repeats=3,
        problems={"2": None, "10": None},
        unanswered={StepKey("10", 0, "10.1"): "it is off", StepKey("2", 2, "2.2"): "HTTP 503"},
    )
    assert str(incomplete(runtime, Path("out"))) == (
        "unscored attempts: 2 of 6, since these generations are missing: 2.2 of repeat 2, 10.1 "
        "of repeat 0; the first because HTTP 503. Everything else is kept in out and in the cache: "
        "the same command with --output out asks only for what is missing"
    )
