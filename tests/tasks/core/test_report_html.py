"""The page of a run: what stands in it, in which order, and that nothing comes from elsewhere."""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tasks.core.records import AttemptResult, Reason, StepKey, StepResult, Usage
from tasks.core.report_html import report_page
from tasks.core.report_records import RunFiles
from tasks.core.report_style import SCRIPT, STYLE

P, W, T = Reason.PASSED, Reason.WRONG_ANSWER, Reason.TIMEOUT
ReadPage = Callable[[str], Any]
RunOf = Callable[..., RunFiles]


def attempt(problem: str, *reasons: Reason, repeat: int = 0, tokens: int = 5) -> AttemptResult:
    steps = tuple(StepResult(f"{problem}.{i}", r) for i, r in enumerate(reasons, start=1))
    return AttemptResult(problem, repeat, steps, Usage(tokens, 1 if tokens else 0))


@pytest.fixture
def small(run_of: RunOf) -> RunFiles:
    """Return a run of 2 problems in which 3 of 5 sub-steps passed."""
    return run_of(
        attempt("1", P, W, T),
        attempt("2", P, P),
        details={StepKey("1", 0, "1.2"): "case 1 does not hold"},
        record={"started": "2026-01-02T03:04:05+00:00", "problem_names": {"1": "one", "2": "two"}},
        model="a-model",
        dataset="a-set",
    )


def test_the_parts_stand_in_order(small: RunFiles, read_page: ReadPage) -> None:
    remarks: Any = small.document["remarks"]
    remarks["guessable"] = {"text": "1.1 can be guessed"}
    page = read_page(report_page(small))
    assert [*page.texts("h1"), page.texts("title")[0]] == ["a-model on a-set"] * 2
    assert page.texts("h2") == [
        "subtask_accuracy",
        "Published protocols",
        "Remarks",
        "Metrics",
        "Verdict reasons",
        "Map of sub-steps",
        "Problems",
        "Failures",
        "Tokens, cost and latency",
        "Settings and versions",
    ]
    assert "1.1 can be guessed" in page.texts("li")
    assert "started 2026-01-02 03:04:05 UTC" in page.texts("p")


def test_the_page_tells_its_language_and_the_size_of_its_screen(
    small: RunFiles, read_page: ReadPage
) -> None:
    source = report_page(small)
    page = read_page(source)
    assert source.startswith("<!DOCTYPE html>\n<html lang=")
    assert page.elements[0].attributes == {"lang": "en"}
    metas = {
        e.attributes.get("name"): e.attributes["content"]
        for e in page.elements
        if e.tag == "meta" and "content" in e.attributes
    }
    assert metas["viewport"] == "width=device-width, initial-scale=1"
    assert metas["color-scheme"] == "light dark"


def test_nothing_comes_from_elsewhere(small: RunFiles, read_page: ReadPage) -> None:
    source = report_page(small)
    page = read_page(source)
    loading = {"src", "href", "xlink:href", "action", "data", "poster", "srcset", "style"}
    assert [e for e in page.elements if loading & set(e.attributes)] == []
    assert not any(name.startswith("on") for e in page.elements for name in e.attributes)
    outside = {"link", "img", "iframe", "object", "embed", "base", "form", "a"}
    assert outside & {e.tag for e in page.elements} == set()
    assert "://" not in source
    assert "url(" not in STYLE
    assert "@import" not in STYLE


def test_the_policy_admits_the_one_script(small: RunFiles, read_page: ReadPage) -> None:
    page = read_page(report_page(small))
    assert page.texts("script") == [SCRIPT]
    assert page.texts("style") == [STYLE]
    policy = next(e.attributes["content"] for e in page.elements if "http-equiv" in e.attributes)
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")


def test_the_headline_has_its_counts_and_its_interval_drawn(
    small: RunFiles, read_page: ReadPage
) -> None:
    """3 of 5 is a bar of 60 %; the whisker ends at the interval's ends, in hundredths."""
    metrics: Any = small.document["metrics"]
    metrics["subtask_accuracy"]["interval"] = [0.125, 0.875]
    page = read_page(report_page(small))
    assert "3 of 5 scored sub-steps passed; 95 % interval 0.1250 to 0.8750" in page.texts("p")
    assert "0.6000" in page.texts("p")
    (bar,) = (e for e in page.elements if e.attributes.get("class") == "bar")
    assert bar.attributes["width"] == "60.000%"
    lines = [(e.attributes["x1"], e.attributes["x2"]) for e in page.elements if e.tag == "line"]
    low, high = "12.500%", "87.500%"
    assert lines == [(low, high), (low, low), (high, high)]


def test_a_headline_without_an_interval_has_no_whisker(run_of: RunOf, read_page: ReadPage) -> None:
    run = run_of(attempt("1", P))
    metrics: Any = run.document["metrics"]
    metrics["subtask_accuracy"]["interval"] = None
    page = read_page(report_page(run))
    assert page.texts("line") == []
    assert "1 of 1 scored sub-steps passed; 95 % interval –" in page.texts("p")


def test_a_run_of_programs_is_named_for_their_file(run_of: RunOf, read_page: ReadPage) -> None:
    record = {"configuration": {"programs": "/somewhere/mine.jsonl"}}
    run = run_of(attempt("1", P, tokens=0), record=record, dataset="example")
    page = read_page(report_page(run))
    assert page.texts("h1") == ["mine.jsonl on example"]
    assert "None: no model was asked in this run." in page.texts("p")
    assert "tokens" not in page.texts("th")


HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>\" onclick='x' "
    "\0\x1b\u202e\ud800\udfff</pre></details>"
)


def test_hostile_text_is_text_wherever_it_stands(run_of: RunOf, read_page: ReadPage) -> None:
    key = StepKey(HOSTILE, 0, f"{HOSTILE}.1")
    steps = (StepResult(key.step_id, W, inherited_from=HOSTILE),)
    run = run_of(
        AttemptResult(HOSTILE, 0, steps, Usage(1, 1)),
        details={key: HOSTILE},
        record={
            "started": HOSTILE,
            "problem_names": {HOSTILE: HOSTILE},
            "configuration": {HOSTILE: HOSTILE, "b": [HOSTILE], "c": {"d": HOSTILE}},
            "versions": {"python": HOSTILE},
            "isolation": HOSTILE,
        },
        model=HOSTILE,
        dataset=HOSTILE,
    )
    document: Any = run.document
    document["remarks"]["x"] = {"text": HOSTILE}
    document["protocols"] = [
        {
            "name": HOSTILE,
            "value": 0.5,
            "passed": 1,
            "steps": 2,
            "problems_solved": 0,
            "problems": 1,
            "note": HOSTILE,
        }
    ]
    source = report_page(run)
    page = read_page(source)
    assert [e.text for e in page.elements if e.tag in {"script", "img"}] == [SCRIPT]
    assert not any(name.startswith("on") for e in page.elements for name in e.attributes)
    assert not re.search("[\0\x1b\u202e\ud800-\udfff]", source)
    (pre,) = page.texts("pre")
    shown = HOSTILE
    for character in "\0\x1b\u202e\ud800\udfff":
        shown = shown.replace(character, f"⟨U+{ord(character):04X}⟩")
    assert pre == shown
    assert source.encode()


def test_a_very_long_text_is_cut_wherever_it_stands(run_of: RunOf) -> None:
    long = "x" * 1_000_000
    key = StepKey(long, 0, long)
    run = run_of(
        AttemptResult(long, 0, (StepResult(long, W),), Usage(1, 1)),
        details={key: long},
        record={"problem_names": {long: long}, "configuration": {long: long}, "started": long},
        model=long,
        dataset=long,
    )
    document: Any = run.document
    document["remarks"]["x"] = {"text": long}
    assert len(report_page(run)) < 60_000


def test_eight_repeats_of_the_whole_benchmark_stay_below_two_megabytes(run_of: RunOf) -> None:
    """80 problems of 338 sub-steps in all: 62 of 4 and 18 of 5 are 248 + 90."""
    sizes = [4] * 62 + [5] * 18
    attempts = [
        attempt(str(problem), *[W] * size, repeat=repeat)
        for problem, size in enumerate(sizes, start=1)
        for repeat in range(8)
    ]
    keys = [StepKey(a.problem_id, a.repeat, s.step_id) for a in attempts for s in a.steps]
    assert len(keys) == 338 * 8
    run = run_of(*attempts, details=dict.fromkeys(keys, "é" * 1000 + "\n" + "e" * 1000))
    page = report_page(run)
    assert len(page.encode()) < 2_000_000
    assert page.count('<details class="failure">') == 338 * 8
    assert "left out" not in page
    # Text that needs four times its length as HTML is cut so much the more.
    escaping = report_page(replace(run, details=dict.fromkeys(keys, "<" * 2000)))
    assert len(escaping.encode()) < 2_000_000
    assert escaping.count('<details class="failure">') == 338 * 8
