"""llama-cpp-python's server computes what is only imitated elsewhere: tokens, samples, limits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tasks.core.errors import ProviderError
from tasks.core.model_settings import ModelSettings
from tasks.core.records import FinishReason, Usage

if TYPE_CHECKING:
    from tests.third_party.conftest import Served

pytestmark = pytest.mark.third_party

CONTEXT = 3072
TINY = ModelSettings("tiny", "random weights", temperature=1.0, seed=1, max_tokens=30)
PATIENCE_S = 300


def test_the_usage_is_the_number_of_tokens_that_the_server_counts(llama: Served) -> None:
    # 11 bytes are 11 tokens, and one begins the text; the model never ends by itself.
    assert llama.ask("hello world", TINY).usage == Usage(12, 30)
    counted = httpx.post(
        f"{llama.root}/extras/tokenize/count",
        json={"input": "hello world"},
        headers={"authorization": f"Bearer {llama.key}"},
        trust_env=False,
    )
    assert counted.json() == {"count": 12}


def test_an_answer_of_most_tokens_was_cut_off(llama: Served) -> None:
    generation = llama.ask("hello world", replace(TINY, max_tokens=7))
    assert generation.finish_reason is FinishReason.LENGTH
    assert len(generation.text) == 7


def test_a_seed_repeats_its_answer_and_another_gives_another(llama: Served) -> None:
    first, again = llama.ask("hello world", TINY), llama.ask("hello world", TINY)
    other = llama.ask("hello world", replace(TINY, seed=2))
    assert first.text == again.text
    assert first.text != other.text


@pytest.mark.parametrize(
    "greedy",
    [
        replace(TINY, temperature=0.0),
        replace(TINY, top_p=1e-6),
        replace(TINY, extra_body={"top_k": 1}),
    ],
    ids=["temperature", "top_p", "extra_body"],
)
def test_a_setting_that_leaves_one_choice_makes_the_seed_count_for_nothing(
    llama: Served, greedy: ModelSettings
) -> None:
    answers = {llama.ask("hello world", replace(greedy, seed=seed)).text for seed in (1, 2, 3)}
    assert len(answers) == 1


def test_a_stop_text_ends_the_answer_before_it(llama: Served) -> None:
    whole = llama.ask("hello world", TINY).text
    stop = whole[10:12]
    stopped = llama.ask("hello world", replace(TINY, stop=(stop,)))
    assert stopped.text == whole[: whole.index(stop)]
    assert stopped.finish_reason is FinishReason.STOP


def test_requests_at_once_get_each_their_own_answer(llama: Served) -> None:
    # Of 10 to 25 bytes; the last one is another each time, and with it the answer.
    prompts = ["x" * (9 + extra) + chr(ord("a") + extra) for extra in range(16)]
    alone = [llama.ask(prompt, TINY) for prompt in prompts]
    together = llama.ask_all(prompts, TINY)
    assert [generation.usage for generation in together] == [
        Usage(n + 1, 30) for n in range(10, 26)
    ]
    assert [generation.text for generation in together] == [one.text for one in alone]
    assert len({generation.text for generation in together}) > 8


def test_a_prompt_that_fills_the_context_is_overlong(llama: Served) -> None:
    # One token begins the text, and one must be left to answer with.
    longest = llama.ask("x" * (CONTEXT - 2), TINY)
    assert longest.usage == Usage(CONTEXT - 1, 1)
    assert longest.finish_reason is FinishReason.LENGTH
    overlong = llama.ask("x" * (CONTEXT - 1), TINY)
    assert overlong.finish_reason is FinishReason.OVERLONG
    assert overlong.text == ""
    assert overlong.usage == Usage(0, 0)


def test_more_output_than_the_context_holds_is_cut_off_by_the_server(llama: Served) -> None:
    generation = llama.ask("x" * (CONTEXT - 101), replace(TINY, max_tokens=CONTEXT))
    assert generation.usage == Usage(CONTEXT - 100, 100)
    assert generation.finish_reason is FinishReason.LENGTH


def test_a_wrong_key_is_refused(llama: Served) -> None:
    with pytest.raises(ProviderError, match="refused the key"):
        llama.ask("hello world", TINY, key="sk-another")


def test_a_base_url_without_its_path_is_said(llama: Served) -> None:
    with pytest.raises(ProviderError, match="its base URL lacks a path such as /v1"):
        llama.ask("hello world", TINY, base_url=llama.root)


def test_an_evaluation_of_a_model_that_knows_nothing_completes(
    llama: Served, tmp_path: Path
) -> None:
    output = tmp_path / "run"
    options = {"base-url": llama.base_url, "checkpoint": "random-4", "api-key-env": "LLAMA_KEY"}
    ran = evaluate(options, output, {"LLAMA_KEY": llama.key})
    assert ran.returncode == 0, ran.stderr
    check(output)
    assert "subtask_accuracy 0.0" in ran.stdout


def test_an_evaluation_starts_the_server_of_its_checkpoint_itself(
    llama: Served, interpreter: Callable[[str], Path], tmp_path: Path
) -> None:
    output = tmp_path / "run"
    serve = f"{interpreter('llama')} -m llama_cpp.server --n_ctx {CONTEXT} --n_threads 1 "
    serve += "--model {checkpoint} --model_alias {model} --port {port}"
    options = {"serve-command": serve, "checkpoint": str(llama.log.with_name("tiny.gguf"))}
    ran = evaluate(options, output, {})
    assert ran.returncode == 0, ran.stderr
    check(output)
    assert "Uvicorn running" in (output / "server.log").read_text()


def evaluate(
    options: dict[str, str], output: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run the program on the first bundled problem, whose 5 sub-steps are all scored."""
    options |= {"dataset": "example", "problems": "1", "model": "tiny", "output": str(output)}
    options |= {"temperature": "1", "seed": "1", "max-tokens": "64"}
    command = [sys.executable, "-m", "flows", "evaluate"]
    command += [text for name, value in options.items() for text in (f"--{name}", value)]
    return subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def check(output: Path) -> None:
    """Check what such a run has written."""
    lines = read_lines(output / "generations.jsonl")
    verdicts = read_lines(output / "verdicts.jsonl")
    # The prompts grow: the fourth is longer than the context, and the fifth is never asked.
    assert [line["finish_reason"] for line in lines] == [*3 * ["length"], "overlong"]
    reasons = [verdict["reason"] for verdict in verdicts]
    assert reasons == [*3 * ["no_code"], *2 * ["context_overflow"]]
    answered = [Usage(**line["usage"]) for line in lines[:3]]
    assert answered == [Usage(len(line["prompt"].encode()) + 1, 64) for line in lines[:3]]
    metrics = json.loads((output / "metrics.json").read_text())["metrics"]
    assert metrics["subtask_accuracy"]["denominator"] == 5
    assert metrics["mean/output_tokens"]["numerator"] == 3 * 64
    assert metrics["mean/input_tokens"]["numerator"] == sum(use.input_tokens for use in answered)


def read_lines(file: Path) -> list[dict[str, Any]]:
    """Read a file of JSON lines."""
    return [json.loads(line) for line in file.read_text().splitlines()]
