"""The map and the table of a run's problems."""

from collections.abc import Callable
from typing import Any

import pytest

from tasks.core.records import AttemptResult, Reason, StepResult, Usage
from tasks.core.report_problems import map_section, problems_section
from tasks.core.report_records import RunFiles

P, W, E = Reason.PASSED, Reason.WRONG_ANSWER, Reason.EXCEPTION
ReadPage = Callable[[str], Any]
RunOf = Callable[..., RunFiles]


def attempt(repeat: int, problem: str, *reasons: Reason, tokens: int = 1500) -> AttemptResult:
    """Make an attempt; whatever raised is inherited from its first sub-step."""
    steps = tuple(
        StepResult(f"{problem}.{i}", r, inherited_from=f"{problem}.1" if r is E else None)
        for i, r in enumerate(reasons, start=1)
    )
    return AttemptResult(problem, repeat, steps, Usage(tokens, 0))


@pytest.fixture
def repeated(run_of: RunOf) -> RunFiles:
    """Return three repeats of two problems: 10 has a sub-step more than 2, which comes first."""
    return run_of(
        *(attempt(0, "10", W, P, P), attempt(1, "10", W, P, W), attempt(2, "10", W, P, P)),
        *(attempt(0, "2", W, E), attempt(1, "2", P, E), attempt(2, "2", W, E)),
    )


def cells(page: Any) -> list[tuple[str | None, str, str]]:
    return [
        (e.attributes.get("title"), e.text, e.attributes["class"])
        for e in page.elements
        if e.tag == "td"
    ]


def test_the_map_has_one_row_a_problem_in_natural_order(
    repeated: RunFiles, read_page: ReadPage
) -> None:
    page = read_page(map_section(repeated, {"2": "two"}).source)
    assert page.rows("Sub-steps passed") == [
        ["2 two", "2.11/3", "2.2↳", ""],
        ["10 ", "10.1✗", "10.2✓", "10.32/3"],
    ]


def test_a_cell_tells_the_share_that_passed_in_its_colour_sign_and_title(
    repeated: RunFiles, read_page: ReadPage
) -> None:
    """Of four steps of colour 1/3 is nearest to the first and 2/3 to the third."""
    assert cells(read_page(map_section(repeated, {}).source)) == [
        ("2.1: 1 of 3 passed; 2 × wrong_answer", "2.11/3", "p1"),
        ("2.2: 0 of 3 passed; 3 × exception inherited from 2.1", "2.2↳", "p0"),
        (None, "", "rest"),
        ("10.1: 0 of 3 passed; 3 × wrong_answer", "10.1✗", "p0"),
        ("10.2: 3 of 3 passed", "10.2✓", "p4"),
        ("10.3: 2 of 3 passed; 1 × wrong_answer", "10.32/3", "p3"),
    ]


def test_the_legend_speaks_of_repeats_only_where_there_are_any(
    run_of: RunOf, repeated: RunFiles, read_page: ReadPage
) -> None:
    single = run_of(attempt(0, "1", P, W))
    assert read_page(map_section(single, {}).source).texts("li") == [
        "✓ passed",
        "✗ failed",
        "↳ failed, inherited",
    ]
    legend = read_page(map_section(repeated, {}).source).texts("li")
    assert legend[:2] == ["✓ passed in all 3 repeats", "1/3 passed in some of them"]


def test_a_problem_without_scored_sub_steps_has_no_row_in_the_map(
    run_of: RunOf, read_page: ReadPage
) -> None:
    run = run_of(attempt(0, "1", P), attempt(0, "2"))
    page = read_page(map_section(run, {}).source)
    assert page.rows("Sub-steps passed") == [["1 ", "1.1✓"]]


def test_the_table_counts_over_all_repeats(repeated: RunFiles, read_page: ReadPage) -> None:
    """Problem 2 passes 1 of its 6 sub-steps; 3 x 1500 tokens are 4500."""
    page = read_page(problems_section(repeated, {"2": "two"}).source)
    assert page.rows("All repeats together") == [
        ["2", "two", "1 / 6", "3", "0 of 3", "4,500", "2.1", "wrong_answer"],
        ["10", "", "5 / 9", "0", "0 of 3", "4,500", "10.1", "wrong_answer"],
    ]


def test_columns_that_would_be_empty_are_left_out(run_of: RunOf, read_page: ReadPage) -> None:
    run = run_of(
        attempt(0, "1", P, tokens=0), attempt(0, "2", W, tokens=0), attempt(0, "3", tokens=0)
    )
    page = read_page(problems_section(run, {}).source)
    heads = [e.text for e in page.elements if e.attributes.get("scope") == "col"]
    assert heads == ["problem", "passed", "inherited", "solved", "fails at", "reason"]
    assert page.rows("All repeats together") == [
        ["1", "1 / 1", "0", "yes", "", ""],
        ["2", "0 / 1", "0", "no", "2.1", "wrong_answer"],
        ["3", "0 / 0", "0", "not scored", "", ""],
    ]
