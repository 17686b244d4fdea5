"""verdict -> report: the parts of a run's page that show its problems, as a map and as a table.

Nothing is told by colour alone: every cell of the map has its sign, or the share that passed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from tasks.core.html_elements import Child, Html, clipped, element, scrolling, table
from tasks.core.records import AttemptResult, StepResult
from tasks.core.report_records import RunFiles, short_id
from tasks.core.reporting import problem_rows
from tasks.core.scoring import by_problem
from tasks.core.value_text import value_text

_MOST_CELL = 160
_COLUMNS = (
    *("problem", "name", "passed", "inherited", "solved", "tokens"),
    *("fails at", "reason"),
)


def map_section(run: RunFiles, names: Mapping[str, str]) -> Html:
    """Draw problems as rows and their scored sub-steps as cells."""
    groups = [group for group in by_problem(run.attempts) if group[0].steps]
    width = max((len(group[0].steps) for group in groups), default=1)
    head = element(
        "tr",
        element("th", "problem", scope="col"),
        element("th", "sub-steps in order", scope="colgroup", colspan=str(width)),
    )
    drawn = element(
        "table",
        element("caption", "Sub-steps passed"),
        element("thead", head),
        element("tbody", *(_map_row(group, names, width) for group in groups)),
        class_="map",
    )
    return element(
        "section",
        element("h2", "Map of sub-steps"),
        _map_legend(run.repeats),
        scrolling(drawn, "Map of sub-steps"),
    )


def problems_section(run: RunFiles, names: Mapping[str, str]) -> Html:
    """Show one row a problem."""
    rows = problem_rows(run.attempts, names)
    # A run of programs has no tokens, one of before no names.
    shown = [
        column
        for column in _COLUMNS
        if column not in {"name", "tokens"} or any(row[column] for row in rows)
    ]
    cells: list[tuple[Child, ...]] = [
        tuple(_problem_cell(row, column) for column in shown) for row in rows
    ]
    caption = "All repeats together"
    return element(
        "section",
        element("h2", "Problems"),
        table(caption, tuple(shown), cells, class_="sortable"),
    )


def _problem_cell(row: Mapping[str, str | int | float], column: str) -> str:
    if column == "passed":
        return f"{row['passed']} / {row['scored']}"
    if column == "solved":
        return _solved(row["solved"], int(row["repeats"]))
    value = row[column]
    return f"{value:,}" if column == "tokens" else clipped(str(value), _MOST_CELL)


def _map_legend(repeats: int) -> Html:
    entries = [("p4", "✓", "passed"), ("p0", "✗", "failed"), ("p0", "↳", "failed, inherited")]
    if repeats > 1:
        entries = [
            ("p4", "✓", f"passed in all {repeats} repeats"),
            ("p2", f"1/{repeats}", "passed in some of them"),
            ("p0", "✗", "failed in all"),
            ("p0", "↳", "failed in all, each time inherited"),
        ]
    keys = (
        element("li", element("span", sign, class_=f"key {class_}"), f" {meaning}")
        for class_, sign, meaning in entries
    )
    return element("ul", *keys, class_="keys")


def _map_row(group: Sequence[AttemptResult], names: Mapping[str, str], width: int) -> Html:
    problem_id = group[0].problem_id
    steps = [
        [step for a in group for step in a.steps if step.step_id == first.step_id]
        for first in group[0].steps
    ]
    name = element("span", clipped(names.get(problem_id, ""), _MOST_CELL), class_="name")
    rest = width - len(steps)
    return element(
        "tr",
        element("th", short_id(problem_id), " ", name, scope="row"),
        *map(_map_cell, steps),
        *([element("td", colspan=str(rest), class_="rest")] if rest else []),
    )


def _map_cell(tries: Sequence[StepResult]) -> Html:
    passed, step_id = sum(step.passed for step in tries), short_id(tries[0].step_id)
    reasons = Counter(_reason_text(step) for step in tries if not step.passed)
    told = "; ".join(f"{count} × {reason}" for reason, count in reasons.most_common())
    title = f"{step_id}: {passed} of {len(tries)} passed{f'; {told}' if told else ''}"
    return element(
        "td",
        element("small", step_id),
        element("span", _sign(tries, passed)),
        class_=f"p{_quarter(passed, len(tries))}",
        title=title,
    )


def _sign(tries: Sequence[StepResult], passed: int) -> str:
    if passed == len(tries):
        return "✓"
    if passed:
        return f"{passed}/{len(tries)}"
    return "↳" if all(step.inherited_from for step in tries) else "✗"


def _quarter(passed: int, number: int) -> int:
    """Return 0 for none, 4 for all and 1 to 3 between, by the nearest quarter."""
    if passed in (0, number):
        return 4 * (passed // number)
    return min(3, max(1, round(4 * passed / number)))


def _reason_text(step: StepResult) -> str:
    source = f" inherited from {short_id(step.inherited_from)}" if step.inherited_from else ""
    return f"{step.reason.value}{source}"


def _solved(share: str | float, repeats: int) -> str:
    if isinstance(share, str):
        return share
    return value_text(bool(share)) if repeats == 1 else f"{round(share * repeats)} of {repeats}"
