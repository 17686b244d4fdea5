"""The summary on the terminal says what metrics.json holds."""

from pathlib import Path

import pytest
from rich.progress import Progress

from flows.progress import Counted
from flows.terminal import Bars, print_summary
from tasks.core.json_value import JsonValue
from tasks.core.records import AttemptResult, Reason, StepKey, StepResult, Usage
from tasks.core.reporting import metrics_document
from tasks.core.scoring import score
from tasks.core.spending import Spent, usage_document

ATTEMPT = AttemptResult("1", 0, (StepResult("1.1", Reason.PASSED),), Usage(5, 1))


def document() -> dict[str, JsonValue]:
    return metrics_document(
        score([ATTEMPT]), [], reasons={"passed": 1}, details={"scored": "all 1 sub-steps"}
    )


def test_the_summary_says_what_the_answers_took(capsys: pytest.CaptureFixture[str]) -> None:
    spent = Spent(StepKey("1", 0, "1.1"), Usage(5, 1), 2.0, cached=False, counted=True)
    print_summary(document() | {"usage": usage_document([spent], None)["run"]}, Path("run"))
    line = "tokens: 5 in, 1 out · latency p50 2 s, p90 2 s, p99 2 s"
    assert line in capsys.readouterr().out.splitlines()


def test_a_run_without_generations_says_nothing_of_tokens(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_summary(document(), Path("run"))
    assert "tokens:" not in capsys.readouterr().out


def test_a_further_evaluation_takes_the_bars_of_the_one_before() -> None:
    with Progress(disable=True) as progress:
        bars = Bars(progress)
        for total in (3, 5):
            bars.expect(Counted.PROBLEMS, total)
            bars.advance(Counted.PROBLEMS, 2)
        shown = [(task.completed, task.total) for task in progress.tasks if task.visible]
    assert shown == [(2, 5)]
