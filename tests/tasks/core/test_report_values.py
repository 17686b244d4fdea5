"""The tables of a run's numbers and settings."""

from collections.abc import Callable
from typing import Any

from tasks.core.records import (
    Answered,
    AttemptResult,
    FinishReason,
    Generation,
    Reason,
    StepKey,
    StepResult,
    Usage,
)
from tasks.core.report_records import RunFiles, mapping
from tasks.core.report_values import (
    metrics_section,
    protocols_section,
    settings_section,
    usage_section,
)
from tasks.core.spending import Price, Spent, lasting_usage, usage_document

ReadPage = Callable[[str], Any]
RunOf = Callable[..., RunFiles]

P, W = Reason.PASSED, Reason.WRONG_ANSWER
CAPTION = "Metrics and what they are over"
TOOK = "What the answers took"


def attempt(repeat: int, *reasons: Reason) -> AttemptResult:
    steps = tuple(StepResult(f"1.{i}", r) for i, r in enumerate(reasons, start=1))
    return AttemptResult("1", repeat, steps, Usage(30, 12))


def spent(step_id: str, *, cached: bool) -> Spent:
    usage, latency_s = Usage(3000, 500), 2.0 if cached else 12.0
    generation = Generation("", FinishReason.STOP, usage, latency_s)
    return Spent.of(StepKey("1", 0, step_id), Answered(generation, cached))


def test_metrics_have_their_denominators(run_of: RunOf, read_page: ReadPage) -> None:
    """3 of 4 pass in repeat 0 and 1 of 4 in repeat 1: 4 of 8; shares 0.75 and 0.25 deviate by
    sqrt(2) / 4 = 0.3536."""
    run = run_of(attempt(0, P, P, P, W), attempt(1, P, W, W, W))
    page = read_page(metrics_section(mapping(run.document["metrics"])).source)
    rows = {row[0]: row for row in page.rows(CAPTION)}
    assert rows["subtask_accuracy"][1] == "0.5000"
    assert rows["subtask_accuracy"][3:] == ["0.3536", "4 / 8", "scored sub-steps"]
    assert rows["mean/total_tokens"][3:] == ["0.0", "84 / 2", "attempts"]
    # One of two passes at least once where one of the tries passed: 3 of 4.
    assert rows["pass@2/subtask"][4:] == ["3 / 4", "distinct scored sub-steps"]
    assert [name for name in rows if name.endswith("std_dev_across_runs")] == []


def test_a_single_repeat_has_no_column_of_deviations(run_of: RunOf, read_page: ReadPage) -> None:
    metrics = mapping(run_of(attempt(0, P)).document["metrics"])
    page = read_page(metrics_section(metrics).source)
    heads = [e.text for e in page.elements if e.attributes.get("scope") == "col"]
    assert heads == ["metric", "value", "95 % interval", "of", "over"]


def test_protocols_are_stated_with_both_denominators(read_page: ReadPage) -> None:
    entry = {
        "name": "65/288",
        "passed": 144,
        "steps": 288,
        "problems_solved": 13,
        "problems": 65,
        "value": 0.5,
        "note": "given left out",
    }
    page = read_page(protocols_section({"protocols": [entry]}).source)
    assert page.rows("This run as others count") == [
        ["65/288", "0.5000", "144 of 288", "13 of 65", "given left out"]
    ]
    none = read_page(protocols_section({"protocols": []}).source)
    assert none.texts("p")[0].startswith("None: the problems")


def test_answers_known_before_are_told_apart(run_of: RunOf, read_page: ReadPage) -> None:
    """At 1 and 2 a million tokens, 3000 and 500 cost 0.004."""
    answers = [spent("1.1", cached=True), spent("1.2", cached=False), spent("1.3", cached=False)]
    usage = usage_document(answers, Price(1, 2))
    page = read_page(usage_section(run_of(attempt(0, P), usage=usage)).source)
    assert page.rows(TOOK) == [
        ["all answers", "3", "9,000", "1,500", "0.01"],
        ["asked for at the last start", "2", "6,000", "1,000", "0.008"],
        ["known before", "1", "3,000", "500", "0.004"],
    ]
    assert page.texts("p") == ["Latency of an answer: p50 12 s, p90 12 s, p99 12 s, max 12 s."]


def test_without_usage_json_the_metrics_tell_what_lasts(run_of: RunOf, read_page: ReadPage) -> None:
    entry = mapping(usage_document([spent("1.1", cached=False)], None)["run"])
    run = run_of(attempt(0, P))
    document: Any = run.document
    document["usage"] = lasting_usage(entry)
    page = read_page(usage_section(run).source)
    assert page.rows(TOOK) == [["all answers", "1", "3,000", "500", "no price given"]]


def test_settings_show_versions_and_never_a_password(run_of: RunOf, read_page: ReadPage) -> None:
    record = {
        "status": "complete",
        "layers": ["landlock", "seccomp"],
        "versions": {"python": "3.11.7"},
        "configuration": {
            "base_url": "https://me:secret@host/v1",
            "extra_body": {"url": "http://token@host"},
            "temperature": 0.7,
            "stop": [],
        },
        "unscored_attempts": 0,
        "problem_names": {"1": "not a setting"},
    }
    page = read_page(settings_section(run_of(attempt(0, P), record=record, given="whole")).source)
    assert page.rows("Settings that a comparison needs") == [["given", "whole"]]
    assert page.rows("Versions") == [["python", "3.11.7"]]
    assert page.rows("Run") == [["status", "complete"], ["layers", "landlock, seccomp"]]
    assert page.rows("Configuration") == [
        ["base_url", "https://…@host/v1"],
        ["extra_body", '{"url": "http://…@host"}'],
        ["temperature", "0.7"],
        ["stop", "–"],
    ]
    assert page.rows("Environments and counts") == [["unscored_attempts", "0"]]
