"""The chain of one attempt: what a prompt carries, what runs beside what, and where it stops."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.config import EvalConfig
from tasks.core.errors import ProviderError, SandboxError

if TYPE_CHECKING:
    from tests.conftest import Endpoint, FinishedRun

Evaluate = Callable[[EvalConfig], dict[str, Any]]
MakeConfig = Callable[..., EvalConfig]
ReadLines = Callable[[Path], list[dict[str, Any]]]


def by_step(lines: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {line["step_id"]: line for line in lines}


def asks_for(step_id: str) -> Callable[[str], bool]:
    """Whether a prompt's own sub-step, the last that it describes, is this one."""
    return lambda prompt: prompt.rfind("Describe ") == prompt.rfind(f"Describe {step_id}.")


def first_attempt(finished_run: FinishedRun) -> dict[str, dict[str, Any]]:
    return by_step([line for line in finished_run.lines if line["repeat"] == 0])


def test_each_prompt_carries_the_models_own_earlier_code(finished_run: FinishedRun) -> None:
    lines = first_attempt(finished_run)
    assert "return 2 * x" not in lines["1.1"]["prompt"]
    assert lines["1.1"]["candidate"] in lines["1.2"]["prompt"]
    assert lines["1.2"]["candidate"] in lines["1.3"]["prompt"]
    # Dependencies, newline, earlier candidates, an empty line, this candidate.
    earlier = f"{lines['1.1']['candidate']}\n{lines['1.2']['candidate']}"
    assert lines["1.3"]["program"] == f"import math\n{earlier}\n\n{lines['1.3']['candidate']}"


def test_given_code_enters_the_chain_and_is_neither_asked_nor_scored(
    finished_run: FinishedRun, read_lines: ReadLines
) -> None:
    lines = first_attempt(finished_run)
    assert list(lines) == ["1.1", "1.2", "1.3", "2.2"]
    assert "return 'hello ' + name" in lines["2.2"]["prompt"]
    assert "return 'hello ' + name" in lines["2.2"]["program"]
    verdicts = read_lines(finished_run.output / "verdicts.jsonl")
    assert "2.1" not in {line["step_id"] for line in verdicts}


def test_a_sub_step_is_verified_while_the_next_one_is_generated(
    evaluate: Evaluate, small_config: MakeConfig, endpoint: Endpoint
) -> None:
    config = small_config(problems="1")
    verdicts = config.output / "verdicts.jsonl"
    seen: list[str] = []

    def first_is_judged(prompt: str) -> bool:
        """Hold back the answer to 1.2 until the verdict of 1.1 stands in its file."""
        if not asks_for("1.2")(prompt):
            return True
        written = verdicts.read_text() if verdicts.exists() else ""
        if '"1.1"' in written:
            seen.append(written)
        return bool(seen)

    endpoint.gate = first_is_judged
    evaluate(config)
    assert json.loads(seen[0])["step_id"] == "1.1"


def test_after_an_overflow_the_rest_of_the_attempt_fails_and_is_not_asked(
    evaluate: Evaluate, small_config: MakeConfig, endpoint: Endpoint, read_lines: ReadLines
) -> None:
    endpoint.overflow = asks_for("1.2")
    config = small_config()
    document = evaluate(config)
    verdicts = by_step(read_lines(config.output / "verdicts.jsonl"))
    reasons = {step_id: line["reason"] for step_id, line in verdicts.items()}
    assert reasons == {
        "1.1": "passed",
        "1.2": "context_overflow",
        "1.3": "context_overflow",
        "2.2": "passed",
    }
    assert document["reasons"] == {"context_overflow": 2, "passed": 2}
    accuracy = document["metrics"]["subtask_accuracy"]
    assert (accuracy["numerator"], accuracy["denominator"]) == (2, 4)
    asked = [prompt for prompt in endpoint.prompts if asks_for("1.3")(prompt)]
    assert (len(endpoint.prompts), asked) == (3, [])
    generations = by_step(read_lines(config.output / "generations.jsonl"))
    assert list(generations) == ["1.1", "1.2", "2.2"]
    assert generations["1.2"]["finish_reason"] == "overlong"
    assert generations["1.2"]["candidate"] == ""


def test_an_overflow_is_remembered_too(
    evaluate: Evaluate, small_config: MakeConfig, endpoint: Endpoint
) -> None:
    endpoint.overflow = asks_for("1.2")
    evaluate(small_config(problems="1"))
    evaluate(small_config(problems="1"))
    assert len(endpoint.prompts) == 2


def test_after_a_refusal_no_further_request_is_sent(
    evaluate: Evaluate, small_config: MakeConfig, endpoint: Endpoint
) -> None:
    endpoint.refuse_from = 1
    with pytest.raises(ProviderError, match="refused the key"):
        evaluate(small_config(live_problems=1, concurrency=1))
    assert len(endpoint.prompts) == 2


def test_a_judge_without_targets_stops_the_evaluation_and_scores_nothing(
    evaluate: Evaluate, small: Path, small_config: MakeConfig, endpoint: Endpoint
) -> None:
    """The file is whole when the run starts and damaged before the first verdict."""
    targets = small.with_name("targets.h5")

    def damage(prompt: str) -> bool:
        if asks_for("1.1")(prompt):
            targets.write_bytes(b"\0" * targets.stat().st_size)
        return True

    endpoint.gate = damage
    config = small_config(problems="1")
    with pytest.raises(SandboxError, match=r"cannot judge sub-step 1\."):
        evaluate(config)
    assert not (config.output / "metrics.json").exists()
    assert not (config.output / "rollouts.jsonl").exists()
    run = json.loads((config.output / "run.json").read_text())
    assert run["status"] == "failed"
    assert run["error"].startswith("cannot judge sub-step 1.")


def fenced(code: str) -> str:
    return f"```python\n{code}\n```"


def test_a_failure_that_gold_code_cures_is_inherited_and_one_that_it_does_not_is_own(
    evaluate: Evaluate, small_config: MakeConfig, endpoint: Endpoint, read_lines: ReadLines
) -> None:
    """1.3 calls the broken 1.2, but does not pass with the gold code of 1.2 either."""
    endpoint.answer(
        {
            "1.1": fenced("def double(x):\n    return 3 * x"),
            "1.3": fenced("def octuple(x):\n    return 4 * quadruple(x)"),
        }
    )
    config = small_config()
    document = evaluate(config)
    verdicts = by_step(read_lines(config.output / "verdicts.jsonl"))
    sources = {step_id: line["inherited_from"] for step_id, line in verdicts.items()}
    assert sources == {"1.1": None, "1.2": "1.1", "1.3": None, "2.2": None}
    assert document["reasons"] == {"wrong_answer": 3, "passed": 1}
    assert document["failures"] == {"own": 2, "inherited": 1, "by_source": {"1.1": 1}}


def test_where_there_is_no_gold_code_the_rule_decides(
    evaluate: Evaluate, small: Path, small_config: MakeConfig, endpoint: Endpoint
) -> None:
    lines = [json.loads(line) for line in small.read_text().splitlines()]
    for step in lines[0]["sub_steps"]:
        del step["ground_truth_code"]
    small.write_text("".join(json.dumps(line) + "\n" for line in lines))
    endpoint.answer({"1.1": "I cannot.", "1.3": fenced("def octuple(x):\n    return 9 * x")})
    document = evaluate(small_config())
    # The prose of 1.1 stands in every program of problem 1 and is where each of them stops.
    assert document["reasons"] == {"exception": 2, "no_code": 1, "passed": 1}
    assert document["failures"] == {"own": 1, "inherited": 2, "by_source": {"1.1": 2}}
