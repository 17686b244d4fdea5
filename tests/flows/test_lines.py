"""Lines of a run's files hold every documented field, with values that JSON can carry."""

import hashlib
import json

from flows.lines import generation_line, rollout_line, verdict_line
from tasks.core.records import (
    Answered,
    AttemptResult,
    Candidate,
    FinishReason,
    Generation,
    Reason,
    StepResult,
    Usage,
    Verdict,
)

GENERATION = Generation("```python\nx\n```", FinishReason.LENGTH, Usage(7, 3), 1.5, "hm")


def test_a_generation_line_has_every_field() -> None:
    line = generation_line("ask", Answered(GENERATION, cached=True), Candidate("x", True), "p\nx")  # noqa: FBT003 - a record
    assert line == {
        "prompt_sha256": hashlib.sha256(b"ask").hexdigest(),
        "prompt": "ask",
        "text": "```python\nx\n```",
        "reasoning": "hm",
        "candidate": "x",
        "fenced": True,
        "program": "p\nx",
        "finish_reason": "length",
        "usage": {"input_tokens": 7, "output_tokens": 3},
        "latency_s": 1.5,
        "shortened_to": None,
        "cached": True,
    }
    assert json.loads(json.dumps(line)) == line


def test_a_verdict_line_has_every_field() -> None:
    line = verdict_line(Verdict(Reason.TIMEOUT, "late", 2.5, ("rlimits",)))
    assert line == {
        "passed": False,
        "reason": "timeout",
        "detail": "late",
        "duration_s": 2.5,
        "layers": ["rlimits"],
        "cached": False,
        "environments": {},
        "tries": [],
        "inherited_from": None,
    }


def test_a_rollout_line_counts_scored_sub_steps_and_all_tokens() -> None:
    steps = (StepResult("1.1", Reason.PASSED), StepResult("1.2", Reason.MEMORY))
    line = rollout_line(AttemptResult("1", 4, steps, Usage(10, 5)))
    assert line == {
        "problem_id": "1",
        "repeat": 4,
        "reward": 0.0,
        "step_results": {"1.1": True, "1.2": False},
        "num_steps_passed": 1,
        "num_steps_total": 2,
        "problem_accuracy": 0.0,
        "subtask_accuracy": 0.5,
        "input_tokens": 10,
        "output_tokens": 5,
        "total_tokens": 15,
    }


def test_an_attempt_in_which_all_passed_is_rewarded() -> None:
    line = rollout_line(AttemptResult("1", 0, (StepResult("1.1", Reason.PASSED),), Usage(0, 0)))
    assert (line["reward"], line["subtask_accuracy"]) == (1.0, 1.0)


def test_an_attempt_without_scored_sub_steps_has_no_accuracy() -> None:
    line = rollout_line(AttemptResult("1", 0, (), Usage(1, 1)))
    assert (line["reward"], line["problem_accuracy"], line["subtask_accuracy"]) == (None,) * 3
    assert line["num_steps_total"] == 0
