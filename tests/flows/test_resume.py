"""No generation is paid for twice: runs that were killed, refused or cut off go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.cli import run
from flows.config import EvalConfig

if TYPE_CHECKING:
    from tests.conftest import Endpoint

Evaluate = Callable[[EvalConfig], dict[str, Any]]
MakeConfig = Callable[..., EvalConfig]
ReadLines = Callable[[Path], list[dict[str, Any]]]

PATIENCE_S = 120.0
DIFFERS = ("latency_s", "duration_s", "cached", "layers")


@pytest.fixture
def command(small: Path, endpoint: Endpoint, tmp_path: Path) -> list[str]:
    """Return the arguments of an evaluation of the small benchmark, with two repeats."""
    return [
        *("evaluate", "--dataset", str(small), "--model", "reference", "--repeats", "2"),
        *("--base-url", endpoint.base_url, "--output", str(tmp_path / "run")),
        *("--cache-dir", str(tmp_path / "kept"), "--request-retries", "0", "--workers", "2"),
    ]


@pytest.fixture
def start(prefect_api: str) -> Iterator[Callable[[list[str]], subprocess.Popen[str]]]:
    """Start the program in a session of its own; whatever is left of it is killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def begin(arguments: list[str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows", *arguments],
            env={**os.environ, "PREFECT_API_URL": prefect_api},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for something that a process does; it must not end before."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def count_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def stable(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in line.items() if k not in DIFFERS} for line in lines]


def test_a_killed_run_goes_on_without_asking_anything_again(  # noqa: PLR0913 - fixtures
    command: list[str],
    start: Callable[[list[str]], subprocess.Popen[str]],
    endpoint: Endpoint,
    evaluate: Evaluate,
    small_config: MakeConfig,
    read_lines: ReadLines,
    tmp_path: Path,
) -> None:
    """6 of 8 generations are answered when the two of sub-step 1.3 are in flight."""
    endpoint.gate = lambda prompt: prompt.rfind("Describe 1.3") < 0
    process = start(command)
    log = tmp_path / "run" / "generations.jsonl"
    wait_until(lambda: len(endpoint.prompts) == 8 and count_lines(log) == 6, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    in_flight = 2
    endpoint.gate = None
    with log.open("a") as file:
        file.write('{"problem_id": "1", "repeat": 0, "step_')

    assert run(command) == 0
    assert len(endpoint.prompts) == 8 + in_flight
    assert sorted(endpoint.counts.values()) == [2, 2, 2, 4]

    whole = small_config(repeats=2, output=tmp_path / "whole", cache_dir=tmp_path / "other")
    document = evaluate(whole)
    resumed = tmp_path / "run"
    assert json.loads((resumed / "metrics.json").read_text()) == document
    for name in ("generations.jsonl", "verdicts.jsonl", "rollouts.jsonl"):
        assert stable(read_lines(resumed / name)) == stable(read_lines(whole.output / name)), name
    cached = [line["cached"] for line in read_lines(resumed / "generations.jsonl")]
    assert cached.count(False) == in_flight
    assert json.loads((resumed / "run.json").read_text())["status"] == "complete"


def test_a_refused_key_ends_the_run_with_one_message_and_keeps_what_was_answered(
    command: list[str],
    prefect_api: str,
    endpoint: Endpoint,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    del prefect_api
    endpoint.refuse_from = 3
    assert run([*command, "--concurrency", "1"]) == 1
    printed = capfd.readouterr()
    assert printed.out == ""
    header, message = printed.err.splitlines()
    assert header.startswith("evaluating reference on ")
    assert message.startswith(f"error: the endpoint {endpoint.base_url} refused the key (HTTP 401)")
    assert count_lines(tmp_path / "run" / "generations.jsonl") == 3
    assert not (tmp_path / "run" / "metrics.json").exists()
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "failed"
    refused = len(endpoint.prompts) - 3

    endpoint.refuse_from = None
    assert run(command) == 0
    assert len(endpoint.prompts) == 8 + refused


def test_an_endpoint_that_does_not_answer_ends_the_run_with_a_message(
    prefect_api: str, small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Port 9 belongs to the discard protocol, and nobody serves it."""
    del prefect_api
    code = run(
        [
            *("evaluate", "--dataset", str(small), "--model", "m", "--request-retries", "0"),
            *("--base-url", "http://127.0.0.1:9/v1", "--output", str(tmp_path / "run")),
        ]
    )
    captured = capsys.readouterr()
    assert code == 1
    assert "error: the endpoint http://127.0.0.1:9/v1 did not answer" in captured.err
    assert "start the same command again" in captured.err
    assert "Traceback" not in captured.err
    assert count_lines(tmp_path / "run" / "generations.jsonl") == 0


def test_a_resumed_run_may_be_tuned(
    evaluate: Evaluate, small_config: MakeConfig, endpoint: Endpoint
) -> None:
    endpoint.refuse_from = 2
    with pytest.raises(Exception, match="refused the key"):
        evaluate(small_config(concurrency=1))
    asked = len(endpoint.prompts)
    endpoint.refuse_from = None
    document = evaluate(small_config(concurrency=3, workers=1, live_problems=1))
    assert document["metrics"]["subtask_accuracy"]["denominator"] == 4
    assert len(endpoint.prompts) == asked + 2


def test_more_repeats_ask_for_the_new_ones_only(
    evaluate: Evaluate, small_config: MakeConfig, endpoint: Endpoint, read_lines: ReadLines
) -> None:
    """From 1 to 3 repeats in the same directory: the two new ones of four sub-steps are asked."""
    evaluate(small_config())
    document = evaluate(small_config(repeats=3))
    assert len(endpoint.prompts) == 4 + 8
    assert document["metrics"]["subtask_accuracy"]["denominator"] == 12
    output = small_config().output
    assert len(read_lines(output / "generations.jsonl")) == 12
    run = json.loads((output / "run.json").read_text())
    assert (run["requests"], run["cached"], run["identity"]["repeats"]) == (8, 4, 3)


def test_a_run_goes_on_with_another_cache_folder(
    evaluate: Evaluate, small_config: MakeConfig, endpoint: Endpoint, tmp_path: Path
) -> None:
    """The cache, not the run directory, is what saves requests."""
    first = evaluate(small_config(problems="2"))
    assert evaluate(small_config(problems="2", cache_dir=tmp_path / "elsewhere")) == first
    assert len(endpoint.prompts) == 2
