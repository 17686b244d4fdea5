"""The verification of given programs: real flow, real processes, no model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.config import VerifyConfig, validate

ReadLines = Callable[[Path], list[dict[str, Any]]]

DOUBLE = "def double(x):\n    return 2 * x\n"
WRONG = "def double(x):\n    return 3 * x\n"
GREET = "def greet_twice(name):\n    return ['hello ' + name] * 2\n"


@pytest.fixture
def verify(
    prefect_api: str, small: Path, tmp_path: Path
) -> Callable[..., tuple[dict[str, Any], VerifyConfig]]:
    """Write programs of the small benchmark, verify them, and return metrics and settings."""
    del prefect_api
    from flows.verify import verify_programs

    def run(
        *programs: tuple[str, int, str], **changes: object
    ) -> tuple[dict[str, Any], VerifyConfig]:
        lines = [
            {"step_id": step_id, "repeat": repeat, "program": program}
            for step_id, repeat, program in programs
        ]
        file = tmp_path / "programs.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        settings = {
            "dataset": str(small),
            "programs": file,
            "output": tmp_path / "verified",
            "workers": 2,
            **changes,
        }
        config = validate(VerifyConfig, settings)
        return asyncio.run(verify_programs(config)), config

    return run


def test_every_program_gets_a_verdict(
    verify: Callable[..., tuple[dict[str, Any], VerifyConfig]], read_lines: ReadLines
) -> None:
    document, config = verify(
        ("2.2", 0, GREET), ("1.1", 1, WRONG), ("1.1", 0, DOUBLE), ("2.2", 1, "raise ValueError")
    )
    verdicts = read_lines(config.output / "verdicts.jsonl")
    found = [(v["problem_id"], v["repeat"], v["step_id"], v["reason"]) for v in verdicts]
    assert found == [
        ("1", 0, "1.1", "passed"),
        ("1", 1, "1.1", "wrong_answer"),
        ("2", 0, "2.2", "passed"),
        ("2", 1, "2.2", "exception"),
    ]
    accuracy = document["metrics"]["subtask_accuracy"]
    assert (accuracy["numerator"], accuracy["denominator"]) == (2, 4)
    # Repeat 0 passes both and repeat 1 none: means 1 and 0 have the sample deviation sqrt(1/2).
    spread = document["metrics"]["subtask_accuracy/std_dev_across_runs"]["value"]
    assert spread == pytest.approx(0.5**0.5)


def test_a_part_of_the_sub_steps_is_scored_over_that_part(
    verify: Callable[..., tuple[dict[str, Any], VerifyConfig]], read_lines: ReadLines
) -> None:
    document, config = verify(("1.1", 0, DOUBLE))
    assert document["metrics"]["subtask_accuracy"]["denominator"] == 1
    assert document["details"]["programs"] == 1
    (rollout,) = read_lines(config.output / "rollouts.jsonl")
    assert rollout["step_results"] == {"1.1": True}
    assert rollout["total_tokens"] == 0


def test_a_verification_leaves_its_files_and_can_be_done_again(
    verify: Callable[..., tuple[dict[str, Any], VerifyConfig]], read_lines: ReadLines
) -> None:
    first, config = verify(("1.1", 0, WRONG))
    second, _ = verify(("1.1", 0, WRONG))
    assert second == first
    assert len(read_lines(config.output / "verdicts.jsonl")) == 1
    assert json.loads((config.output / "metrics.json").read_text()) == first
    run = json.loads((config.output / "run.json").read_text())
    assert run["status"] == "complete"
    assert "programs_sha256" in run["identity"]
    assert not (config.output / "generations.jsonl").exists()
    page = (config.output / "report.html").read_text()
    assert "None: no model was asked in this run." in page
    assert "0 of 1 scored sub-steps passed" in page


def test_the_programs_of_a_run_get_the_verdicts_of_that_run(
    verify: Callable[..., tuple[dict[str, Any], VerifyConfig]],
    evaluate: Callable[..., dict[str, Any]],
    small_config: Callable[..., Any],
    read_lines: ReadLines,
) -> None:
    config = small_config()
    document = evaluate(config)
    lines = read_lines(config.output / "generations.jsonl")
    again, _ = verify(*((line["step_id"], line["repeat"], line["program"]) for line in lines))
    assert again["metrics"]["subtask_accuracy"] == document["metrics"]["subtask_accuracy"]
    assert again["reasons"] == {"passed": 4}


def test_a_finished_run_is_verified_again_without_running_a_program(
    verify: Callable[..., tuple[dict[str, Any], VerifyConfig]],
    evaluate: Callable[..., dict[str, Any]],
    small_config: Callable[..., Any],
    read_lines: ReadLines,
) -> None:
    config = small_config()
    document = evaluate(config)
    again, verified = verify(programs=config.output, cache_dir=config.cache_dir)
    record = json.loads((verified.output / "run.json").read_text())
    assert record["programs_run"] == 0
    assert all(line["cached"] for line in read_lines(verified.output / "verdicts.jsonl"))
    assert again["metrics"]["subtask_accuracy"] == document["metrics"]["subtask_accuracy"]


BROKEN = "def double(x):\n    return 2 * x[0]\n"
QUADRUPLE = "def quadruple(x):\n    return double(double(x))\n"
OCTUPLE = "def octuple(x):\n    return x ** 8\n"


def test_failures_are_traced_through_the_programs_of_a_chain(
    verify: Callable[..., tuple[dict[str, Any], VerifyConfig]], read_lines: ReadLines
) -> None:
    """With the gold code of 1.1 for `double`, 1.2 passes and 1.3 does not."""
    document, config = verify(
        ("1.1", 0, f"import math\n\n\n{BROKEN}"),
        ("1.2", 0, f"import math\n{BROKEN}\n\n{QUADRUPLE}"),
        ("1.3", 0, f"import math\n{BROKEN}\n{QUADRUPLE}\n\n{OCTUPLE}"),
    )
    verdicts = read_lines(config.output / "verdicts.jsonl")
    assert [(v["step_id"], v["reason"], v["inherited_from"]) for v in verdicts] == [
        ("1.1", "exception", None),
        ("1.2", "exception", "1.1"),
        ("1.3", "wrong_answer", None),
    ]
    assert document["failures"] == {"own": 2, "inherited": 1, "by_source": {"1.1": 1}}


def test_programs_that_are_no_chain_have_own_failures(
    verify: Callable[..., tuple[dict[str, Any], VerifyConfig]],
) -> None:
    document, _ = verify(("1.1", 0, BROKEN), ("1.2", 0, f"{BROKEN}{QUADRUPLE}"))
    assert document["failures"] == {"own": 2, "inherited": 0, "by_source": {}}
