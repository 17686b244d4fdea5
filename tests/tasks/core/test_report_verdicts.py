"""Why sub-steps failed: the reasons of all verdicts, and every failure."""

from collections.abc import Callable
from typing import Any

from tasks.core.records import AttemptResult, Reason, StepKey, StepResult, Usage
from tasks.core.report_records import RunFiles
from tasks.core.report_style import STYLE
from tasks.core.report_verdicts import failures_section, reasons_section

P, W, T = Reason.PASSED, Reason.WRONG_ANSWER, Reason.TIMEOUT
ReadPage = Callable[[str], Any]
RunOf = Callable[..., RunFiles]


def attempt(problem: str, *reasons: Reason, repeat: int = 0) -> AttemptResult:
    steps = tuple(StepResult(f"{problem}.{i}", r) for i, r in enumerate(reasons, start=1))
    return AttemptResult(problem, repeat, steps, Usage(1, 1))


def test_the_bar_has_a_segment_for_each_reason(run_of: RunOf, read_page: ReadPage) -> None:
    """Of 20 verdicts 15 are 75 %, 4 are 20 % and 1 is 5 %, too narrow for its number."""
    page = read_page(reasons_section(run_of(attempt("1", *[W] * 15, *[P] * 4, T))).source)
    segments = [
        (e.text, e.attributes["class"], e.attributes["x"], e.attributes["width"])
        for e in page.elements
        if e.tag == "rect"
    ]
    assert segments == [
        ("passed: 4", "r-passed", "0.000%", "20.000%"),
        ("wrong_answer: 15", "r-wrong_answer", "20.000%", "75.000%"),
        ("timeout: 1", "r-timeout", "95.000%", "5.000%"),
    ]
    assert page.texts("text") == ["4", "15"]
    (drawn,) = (e for e in page.elements if e.tag == "svg")
    assert drawn.attributes["aria-label"] == "4 passed, 15 wrong_answer, 1 timeout"
    assert page.rows("Verdicts by reason") == [
        ["passed", "4", "20.0 %"],
        ["wrong_answer", "15", "75.0 %"],
        ["timeout", "1", "5.0 %"],
    ]


def test_own_and_inherited_failures_are_counted(run_of: RunOf, read_page: ReadPage) -> None:
    steps = (StepResult("1.1", W), StepResult("1.2", W, inherited_from="1.1"))
    run = run_of(AttemptResult("1", 0, steps, Usage(1, 1)))
    assert read_page(reasons_section(run).source).texts("p") == ["Failed: 1 own, 1 inherited"]


def test_every_reason_has_a_colour_of_its_own() -> None:
    colours = [
        line.partition("fill: ")[2].partition(";")[0]
        for reason in Reason
        for line in STYLE.splitlines()
        if line.startswith(f".r-{reason.value} ")
    ]
    assert len(colours) == len(set(colours)) == len(Reason)


def test_every_failure_is_listed_with_its_detail(run_of: RunOf, read_page: ReadPage) -> None:
    inherited = StepResult("2.2", T, inherited_from="2.1")
    run = run_of(
        attempt("10", W),
        AttemptResult("2", 0, (StepResult("2.1", W), inherited), Usage(1, 1)),
        details={StepKey("2", 0, "2.1"): "first line\n  last line\n", StepKey("2", 0, "2.2"): ""},
    )
    page = read_page(failures_section(run).source)
    assert page.texts("p") == ["3 failed. "]
    assert page.texts("h3") == ["Problem 2", "Problem 10"]
    assert page.texts("summary") == [
        "2.1 wrong_answer · last line",
        "2.2 timeout, inherited from 2.1",
        "10.1 wrong_answer",
    ]
    assert page.texts("pre") == ["first line\n  last line\n", "no detail", "no detail"]


def test_failures_of_a_sub_step_stand_together_with_their_repeats(
    run_of: RunOf, read_page: ReadPage
) -> None:
    run = run_of(attempt("1", W, W), attempt("1", W, P, repeat=1))
    page = read_page(failures_section(run).source)
    assert page.texts("summary") == [
        "1.1 repeat 0: wrong_answer",
        "1.1 repeat 1: wrong_answer",
        "1.2 repeat 0: wrong_answer",
    ]


def test_of_a_long_detail_the_start_and_most_of_the_end_stay(
    run_of: RunOf, read_page: ReadPage
) -> None:
    """Of 2400 bytes the sign for what is cut takes some away from the end."""
    run = run_of(attempt("1", W), details={StepKey("1", 0, "1.1"): "a" * 5000 + "z" * 5000})
    (shown,) = read_page(failures_section(run).source).texts("pre")
    assert shown == "a" * 600 + " […] " + "z" * 1798


def test_a_run_without_failures_says_so(run_of: RunOf, read_page: ReadPage) -> None:
    page = read_page(failures_section(run_of(attempt("1", P))).source)
    assert page.texts("p") == ["None: every scored sub-step passed."]


def test_failures_for_which_there_is_no_room_are_counted(read_page: ReadPage) -> None:
    attempts = tuple(attempt(str(problem), *[W] * 20) for problem in range(400))
    keys = [StepKey(a.problem_id, 0, s.step_id) for a in attempts for s in a.steps]
    run = RunFiles({}, {}, {}, attempts, dict.fromkeys(keys, "e" * 2000))
    source = failures_section(run).source
    assert len(source.encode()) < 1_800_000
    page = read_page(source)
    listed = len(page.texts("summary"))
    assert 3000 < listed < 8000
    left_out = f"{8000 - listed} are left out here for their size; verdicts.jsonl has all. "
    assert page.texts("p") == [f"8000 failed. {left_out}"]
