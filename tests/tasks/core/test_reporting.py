import json

import pytest

from tasks.core.json_value import JsonValue
from tasks.core.protocols import ProtocolScore
from tasks.core.records import AttemptResult, Reason, StepResult, Usage
from tasks.core.reporting import (
    count_failures,
    count_reasons,
    failures_line,
    metrics_document,
    problem_rows,
    summary_markdown,
)
from tasks.core.scoring import Metric, score
from tasks.core.spending import usage_document


def attempt(problem: str, repeat: int, *reasons: Reason, tokens: int = 5) -> AttemptResult:
    steps = tuple(StepResult(f"{problem}.{i}", r) for i, r in enumerate(reasons, start=1))
    return AttemptResult(problem, repeat, steps, Usage(tokens, 1))


PASSED, WRONG, TIMEOUT = Reason.PASSED, Reason.WRONG_ANSWER, Reason.TIMEOUT
ATTEMPTS = (
    attempt("10", 0, WRONG, WRONG),
    attempt("10", 1, PASSED, TIMEOUT),
    attempt("2", 0, PASSED),
    attempt("2", 1, PASSED, tokens=7),
    attempt("3", 0),
    attempt("3", 1),
)
METRICS = {
    "subtask_accuracy": Metric(0.5, 3, 6, "scored sub-steps", (0.0625, 0.9375)),
    "subtask_accuracy/std_dev_across_runs": Metric(0.25, None, 2, "repeats", None),
    "mean/input_tokens": Metric(1234.5, 2469, 2, "attempts", (1000.0, 1469.25)),
}
PROTOCOL = ProtocolScore("65/291", 130.5, 291, 12.0, 65, 130.5 / 291, "given count as failed")


def document(**details: JsonValue) -> dict[str, JsonValue]:
    reasons = {"passed": 3, "timeout": 2, "wrong_answer": 1}
    return metrics_document(METRICS, [PROTOCOL], reasons=reasons, details=details)


def test_the_document_survives_json_unchanged() -> None:
    metrics = score(ATTEMPTS)
    made = metrics_document(
        metrics, [PROTOCOL], reasons=count_reasons(ATTEMPTS), details={"given": "whole"}
    )
    assert json.loads(json.dumps(made, allow_nan=False)) == made


def test_the_document_names_every_metric_with_its_denominator_and_interval() -> None:
    assert document()["metrics"] == {
        "subtask_accuracy": {
            "value": 0.5,
            "numerator": 3,
            "denominator": 6,
            "over": "scored sub-steps",
            "interval": [0.0625, 0.9375],
        },
        "subtask_accuracy/std_dev_across_runs": {
            "value": 0.25,
            "numerator": None,
            "denominator": 2,
            "over": "repeats",
            "interval": None,
        },
        "mean/input_tokens": {
            "value": 1234.5,
            "numerator": 2469,
            "denominator": 2,
            "over": "attempts",
            "interval": [1000.0, 1469.25],
        },
    }


def test_the_document_keeps_protocols_reasons_and_details_apart() -> None:
    made = document(given="whole")
    assert made["protocols"] == [
        {
            "name": "65/291",
            "passed": 130.5,
            "steps": 291,
            "problems_solved": 12.0,
            "problems": 65,
            "value": 130.5 / 291,
            "note": "given count as failed",
        }
    ]
    assert made["reasons"] == {"passed": 3, "timeout": 2, "wrong_answer": 1}
    assert made["details"] == {"given": "whole"}


def test_reasons_are_counted_over_scored_steps_the_most_frequent_first() -> None:
    # Five verdicts on 10.1, 10.2 twice and 2.1 twice: P P P, W W, T.
    assert list(count_reasons(ATTEMPTS).items()) == [
        ("passed", 3),
        ("wrong_answer", 2),
        ("timeout", 1),
    ]


GOLDEN = """\
# my\\_model on own \\| set

**subtask_accuracy 0.5000**: 3 of 6 scored sub-steps passed, 95 % interval 0.0625 to 0.9375

## Metrics

| metric | value | 95 % interval | std dev | over |
| --- | --- | --- | --- | --- |
| `subtask_accuracy` | 0.5000 | 0.0625 to 0.9375 | 0.2500 | 3 / 6 scored sub-steps |
| `mean/input_tokens` | 1234.5 | 1000.0 to 1469.2 | – | 2469 / 2 attempts |

## Published protocols

| problems/sub-steps | value | passed | problems solved | note |
| --- | --- | --- | --- | --- |
| 65/291 | 0.4485 | 130.5 of 291 | 12.0 of 65 | given count as failed |

## Verdict reasons

| reason | sub-steps |
| --- | --- |
| `passed` | 3 |
| `timeout` | 2 |
| `wrong_answer` | 1 |

## Settings

| setting | value |
| --- | --- |
| given | whole |
| background | no |
| temperature | 0.2000 |
| seed | – |
| problems | \\["1", "2"\\] |
"""


def test_the_summary_is_the_reviewed_one() -> None:
    made = document(
        given="whole", background=False, temperature=0.2, seed=None, problems=["1", "2"]
    )
    assert summary_markdown(made, model="my_model", dataset="own | set") == GOLDEN


def test_the_summary_can_be_made_from_the_file_on_disk() -> None:
    made = document(given="whole")
    again = json.loads(json.dumps(made))
    assert summary_markdown(again, model="m", dataset="d") == summary_markdown(
        made, model="m", dataset="d"
    )


def test_a_perfect_score_is_written_1_0() -> None:
    made = metrics_document(score([attempt("1", 0, PASSED)]), [], reasons={}, details={})
    assert "**subtask_accuracy 1.0**: 1 of 1 scored sub-steps" in summary_markdown(
        made, model="m", dataset="d"
    )


def test_a_run_outside_every_published_protocol_says_so() -> None:
    made = metrics_document(METRICS, [], reasons={}, details={})
    summary = summary_markdown(made, model="m", dataset="d")
    assert "not those of a published protocol" in summary


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a|b", "a\\|b"),
        ("line\nbreak\r\n | x", "line break \\| x"),
        ("<img src=x>", "&lt;img src=x>"),
        ("[text](url) `code` *bold*", "\\[text\\](url) \\`code\\` \\*bold\\*"),
        ("back\\|slash", "back\\\\\\|slash"),
    ],
)
def test_foreign_text_cannot_break_out_of_its_cell(name: str, shown: str) -> None:
    summary = summary_markdown(document(dataset=name), model=name, dataset="d")
    assert summary.startswith(f"# {shown} on d\n")
    assert f"| dataset | {shown} |\n" in summary


def test_problems_have_one_row_each_in_natural_order() -> None:
    names = {"2": "Two\nlines | bar", "10": "Ten"}
    assert problem_rows(ATTEMPTS, names) == [
        {
            "problem": "2",
            "name": "Two lines | bar",
            "repeats": 2,
            "passed": 2,
            "scored": 2,
            "inherited": 0,
            "solved": 1.0,
            "tokens": 6 + 8,
            "fails at": "",
            "reason": "",
        },
        {
            "problem": "3",
            "name": "",
            "repeats": 2,
            "passed": 0,
            "scored": 0,
            "inherited": 0,
            "solved": "not scored",
            "tokens": 6 + 6,
            "fails at": "",
            "reason": "",
        },
        {
            "problem": "10",
            "name": "Ten",
            "repeats": 2,
            "passed": 1,
            "scored": 4,
            "inherited": 0,
            "solved": 0.0,
            "tokens": 6 + 6,
            "fails at": "10.1",
            "reason": "wrong_answer",
        },
    ]


def test_the_first_failing_step_is_first_in_natural_order() -> None:
    reasons = [PASSED] * 8 + [TIMEOUT, WRONG]
    row = problem_rows([attempt("4", 0, *reasons)], {})[0]
    assert (row["fails at"], row["reason"]) == ("4.9", "timeout")


def test_the_reason_is_that_of_the_lowest_repeat_that_failed() -> None:
    attempts = [attempt("4", 2, WRONG), attempt("4", 0, PASSED), attempt("4", 1, TIMEOUT)]
    assert problem_rows(attempts, {})[0]["reason"] == "timeout"


def heirs(problem: str, repeat: int, *sources: str | None) -> AttemptResult:
    """Failed sub-steps behind a passed one, with the sources of their failures."""
    steps = [StepResult(f"{problem}.{n}", WRONG, source) for n, source in enumerate(sources, 2)]
    return AttemptResult(problem, repeat, (StepResult(f"{problem}.1", PASSED), *steps), Usage(0, 0))


def test_failures_are_own_or_inherited_and_the_sources_are_listed() -> None:
    """Of 9 failures, 2.2 causes 3 others and 10.2 and 3.2 one each."""
    attempts = [
        heirs("10", 0, None, "10.2"),
        heirs("2", 0, None, "2.2", "2.2"),
        heirs("2", 1, None, "2.2"),
        heirs("3", 0, None, "3.2"),
    ]
    counted = count_failures(attempts)
    assert counted == {"own": 4, "inherited": 5, "by_source": {"2.2": 3, "3.2": 1, "10.2": 1}}
    assert list(counted["by_source"]) == ["2.2", "3.2", "10.2"]  # type: ignore[arg-type]
    assert [row["inherited"] for row in problem_rows(attempts, {})] == [3, 1, 1]


def test_the_ten_sources_of_most_failures_are_listed() -> None:
    attempts = [heirs(str(n), 0, *[f"{n}.2"] * n) for n in range(1, 13)]
    assert list(count_failures(attempts)["by_source"]) == [f"{n}.2" for n in range(12, 2, -1)]  # type: ignore[arg-type]


def test_the_summary_says_in_one_line_whose_failures_they_are() -> None:
    made = document() | {"failures": {"own": 7, "inherited": 3, "by_source": {}}}
    assert failures_line(made) == "failed: 7 own, 3 inherited"
    assert "\n\nfailed: 7 own, 3 inherited\n\n## Metrics" in summary_markdown(
        made, model="m", dataset="d"
    )
    # A document of a run from before the distinction was made.
    assert failures_line(document()) == ""


def test_the_summary_says_in_one_line_what_the_answers_took() -> None:
    made = document() | {"usage": usage_document([], None)["run"]}
    assert "\n\ntokens: 0 in, 0 out\n\n## Metrics" in summary_markdown(made, model="m", dataset="d")
