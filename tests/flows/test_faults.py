"""Whole evaluations through an endpoint that fails: nothing is lost, and the score is the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.cli import run
from flows.config import EvalConfig

if TYPE_CHECKING:
    from tests.conftest import Asked, FaultyEndpoint

Evaluate = Callable[[EvalConfig], dict[str, Any]]
MakeConfig = Callable[..., EvalConfig]
ReadLines = Callable[[Path], list[dict[str, Any]]]

TIMING = ("latency_s", "duration_s", "cached", "layers")
STEPS = ("1.1", "1.2", "1.3", "2.2")
REPEATS = 9
GENERATIONS = [(step_id, repeat) for repeat in range(REPEATS) for step_id in STEPS]
# Answers, but others than without the fault: they change a score or a count.
TELLING = ("usage missing", "usage zero", "usage null", "null content", "cut off")
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
            "request_timeout_s": 3,
        }
        return small_config(**{**settings, **changes})

    return make


@pytest.fixture
def command(small: Path, faulty: FaultyEndpoint, tmp_path: Path) -> list[str]:
    """Return the arguments of such an evaluation, with two repeats."""
    return [
        *("evaluate", "--dataset", str(small), "--model", "reference", "--repeats", "2"),
        *("--base-url", faulty.base_url, "--output", str(tmp_path / "run"), "--workers", "2"),
        *("--cache-dir", str(tmp_path / "kept"), "--request-backoff-s", "0.02"),
    ]


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
    # What was refused while the port was closed is known to the run alone; it may be nothing,
    # where connections that were in use at that moment served all further tries.
    refused = failed["connection"] - named["connection"]
    assert refused >= 0
    assert failed == {**named, "connection": named["connection"] + refused}


def asks_for(asked: Asked, *generations: tuple[str, int]) -> bool:
    return asked.generation in generations


def test_a_prompt_that_fails_for_ever_costs_its_attempt_and_the_same_command_completes_it(  # noqa: PLR0913 - fixtures
    prefect_api: str,
    faulty: FaultyEndpoint,
    command: list[str],
    evaluate: Evaluate,
    faulty_config: MakeConfig,
    read_lines: ReadLines,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Of 4 attempts with 8 generations the first of problem 1 lacks 1.2 and so 1.3 too."""
    del prefect_api
    faulty.plan = lambda asked: "500" if asks_for(asked, ("1.2", 0)) else None
    assert run([*command, "--request-retries", "2"]) == 1
    printed = capfd.readouterr()
    assert "unscored attempts: 1 of 4" in printed.err
    assert "missing: 1.2 of repeat 0" in printed.err
    assert "HTTP 500: fault 500), asked 3 times" in printed.err
    assert f"the same command with --output {tmp_path / 'run'} asks only" in printed.err
    assert "Traceback" not in printed.err
    verdicts = read_lines(tmp_path / "run" / "verdicts.jsonl")
    reasons = {(line["step_id"], line["repeat"]): line["reason"] for line in verdicts}
    expected = dict.fromkeys(GENERATIONS[:8], "passed")
    assert reasons == {**expected, ("1.2", 0): "unscored", ("1.3", 0): "unscored"}
    details = [line["detail"] for line in verdicts if line["reason"] == "unscored"]
    assert all("HTTP 500" in detail for detail in details)
    assert not (tmp_path / "run" / "metrics.json").exists()
    assert not (tmp_path / "run" / "report.html").exists()
    rollouts = read_lines(tmp_path / "run" / "rollouts.jsonl")
    assert [(r["problem_id"], r["repeat"]) for r in rollouts] == [("1", 1), ("2", 0), ("2", 1)]
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (record["status"], record["unscored_attempts"]) == ("incomplete", 1)
    assert record["failed_tries"] == {"HTTP 500": 3}

    faulty.plan = lambda _: None
    faulty.record.clear()
    assert run(command) == 0
    assert [asked.generation for asked in faulty.record] == [("1.2", 0), ("1.3", 0)]
    whole = faulty_config(repeats=2, output=tmp_path / "whole", cache_dir=tmp_path / "other")
    evaluate(whole)
    check_equal(tmp_path / "run", tmp_path / "whole", read_lines)


@pytest.mark.slow
def test_waiting_ends_at_its_ceiling(
    prefect_api: str, faulty: FaultyEndpoint, command: list[str], tmp_path: Path
) -> None:
    """With 0.3, 0.6 and 1.2 s at most between tries, a second has room for 4 at the very most."""
    del prefect_api
    faulty.plan = lambda asked: "503" if asks_for(asked, ("2.2", 1)) else None
    options = ("--request-retries", "99", "--request-wait-s", "1", "--request-backoff-s", "0.3")
    assert run([*command, *options]) == 1
    tries = [asked for asked in faulty.record if asks_for(asked, ("2.2", 1))]
    assert 2 <= len(tries) <= 4
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["failed_tries"] == {"HTTP 503": len(tries)}


@pytest.mark.slow
def test_an_endpoint_that_wants_to_be_left_alone_until_tomorrow_ends_the_run_at_once(
    prefect_api: str,
    faulty: FaultyEndpoint,
    command: list[str],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The first answer of problem 1 arrives; with one request in flight one is told to wait."""
    del prefect_api
    faulty.plan = lambda _: "429 tomorrow" if len(faulty.record) > 1 else None
    assert run([*command, "--concurrency", "1"]) == 1
    assert len(faulty.record) == 2
    message = capfd.readouterr().err
    assert "unscored attempts: 4 of 4" in message
    assert "asks to be left alone for 86400 s" in message
    faulty.plan = lambda _: None
    assert run(command) == 0
    # 8 generations, of which one was answered before.
    assert len(faulty.record) == 2 + 7
    assert (tmp_path / "run" / "metrics.json").exists()


@pytest.mark.slow
def test_each_final_refusal_ends_the_run_and_the_same_command_goes_on(
    prefect_api: str,
    faulty: FaultyEndpoint,
    command: list[str],
    read_lines: ReadLines,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """With one request in flight, every start gets one more answer and one refusal."""
    del prefect_api
    messages = {
        "401": "refused the key (HTTP 401)",
        "403": "refused the key (HTTP 403)",
        "404": "either it does not know the model 'reference', or its base URL lacks",
        "400": "did not accept the request (HTTP 400): fault 400",
    }
    for answered, (fault, said) in enumerate(messages.items(), 1):
        faulty.record.clear()
        refuse_second(faulty, fault)
        assert run([*command, "--concurrency", "1"]) == 1
        assert said in capfd.readouterr().err
        assert [asked.fault for asked in faulty.record] == [None, fault]
        # Until a run is complete a line is written anew by every start.
        lines = read_lines(tmp_path / "run" / "generations.jsonl")
        assert len({(line["step_id"], line["repeat"]) for line in lines}) == answered
        record = json.loads((tmp_path / "run" / "run.json").read_text())
        assert (record["status"], record["failed_tries"]) == ("failed", {})
    faulty.record.clear()
    faulty.plan = lambda _: None
    assert run(command) == 0
    assert len(faulty.record) == 8 - 4


def refuse_second(faulty: FaultyEndpoint, fault: str) -> None:
    faulty.plan = lambda _: fault if len(faulty.record) > 1 else None


def test_a_web_page_from_the_first_request_on_says_what_is_wrong_with_the_address(
    prefect_api: str,
    faulty: FaultyEndpoint,
    command: list[str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    del prefect_api
    faulty.plan = lambda _: "page"
    assert run([*command, "--problems", "2", "--repeats", "1"]) == 1
    message = capfd.readouterr().err
    assert "without a completion: a web page (Bad gateway)" in message
    assert "often it ends with /v1" in message
    assert [asked.tries for asked in faulty.record] == [1, 2, 3]


def test_a_forgotten_v1_is_said(
    prefect_api: str,
    faulty: FaultyEndpoint,
    command: list[str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    del prefect_api
    place = command.index(faulty.base_url)
    assert run([*command[:place], faulty.base_url.removesuffix("/v1"), *command[place + 1 :]]) == 1
    assert "or its base URL lacks a path such as /v1" in capfd.readouterr().err
    assert faulty.record == []


def test_a_budget_ends_the_run_cleanly_and_a_higher_one_completes_it(
    prefect_api: str,
    faulty: FaultyEndpoint,
    command: list[str],
    read_lines: ReadLines,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """All 8 take 1990 tokens, which the endpoint counts in words."""
    del prefect_api
    limit = 1500
    assert run([*command, "--max-tokens-total", str(limit)]) == 1
    assert f"the budget is used up (max_tokens_total {limit})" in capfd.readouterr().err
    output = tmp_path / "run"
    answered = len(faulty.record)
    assert 0 < answered < 8
    lines = read_lines(output / "generations.jsonl")
    assert len(lines) == answered
    usage = [line["usage"] for line in lines]
    assert sum(u["input_tokens"] + u["output_tokens"] for u in usage) <= limit
    unscored = [v for v in read_lines(output / "verdicts.jsonl") if v["reason"] == "unscored"]
    assert len(unscored) == 8 - answered
    assert not (output / "metrics.json").exists()
    assert json.loads((output / "run.json").read_text())["status"] == "incomplete"
    assert run([*command, "--max-tokens-total", "100000"]) == 0
    assert faulty.answered == Counter(GENERATIONS[:8])


def test_an_answer_without_code_that_was_cut_off_is_said_to_be_truncated(
    evaluate: Evaluate, faulty: FaultyEndpoint, faulty_config: MakeConfig, read_lines: ReadLines
) -> None:
    faulty.plan = lambda asked: "cut off" if asks_for(asked, ("2.2", 0)) else None
    config = faulty_config(problems="2")
    document = evaluate(config)
    assert document["reasons"] == {"no_code": 1}
    (verdict,) = read_lines(config.output / "verdicts.jsonl")
    assert verdict["detail"].startswith("truncated: the generation ended at its token limit")
