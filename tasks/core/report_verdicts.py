"""verdict -> report: the parts of a run's page that tell what passed, and why the rest did not.

Nothing is told by colour alone: every cell and every segment has its sign, its number or its name.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tasks.core.html_elements import Child, Html, clipped, element, table
from tasks.core.records import AttemptResult, Reason, StepKey, StepResult
from tasks.core.report_records import RunFiles, mapping
from tasks.core.reporting import failures_line, problem_rows
from tasks.core.scoring import by_problem
from tasks.core.value_text import value_text

_MOST_NAME = 160
_MOST_ID = 40
# All failures together; 2704 of them and the rest of the page stay below 2 MB.
_MOST_FAILURES_BYTES = 1_400_000
_MOST_DETAIL, _LEAST_DETAIL = 2400, 150
# What a failure takes besides its detail.
_FRAME_BYTES = 220
_WIDE_ENOUGH = 6.0


def reasons_section(run: RunFiles) -> Html:
    """Draw how often each verdict reason occurred."""
    counts = Counter(s.reason for a in run.attempts for s in a.steps)
    order = sorted(counts, key=lambda r: (r is not Reason.PASSED, -counts[r], r.value))
    total = counts.total()
    rows: list[tuple[Child, ...]] = [
        (_named(reason), str(counts[reason]), f"{100 * counts[reason] / total:.1f} %")
        for reason in order
    ]
    line = failures_line(run.document)
    return element(
        "section",
        element("h2", "Verdict reasons"),
        _stacked([(reason, counts[reason]) for reason in order], total),
        table("Verdicts by reason", ("reason", "sub-steps", "share"), rows, class_="legend"),
        *([element("p", line[0].upper() + line[1:])] if line else []),
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
        element(
            "div", drawn, class_="scroll", tabindex="0", role="group", aria_label="Map of sub-steps"
        ),
    )


def problems_section(run: RunFiles, names: Mapping[str, str]) -> Html:
    """Show one row a problem."""
    rows = problem_rows(run.attempts, names)
    tokens = any(row["tokens"] for row in rows)
    head = ("problem", "name", "passed", "inherited", "solved", *(["tokens"] if tokens else []))
    shown: list[tuple[Child, ...]] = [
        (
            _id(str(row["problem"])),
            clipped(str(row["name"]), _MOST_NAME),
            f"{row['passed']} / {row['scored']}",
            str(row["inherited"]),
            _solved(row["solved"], int(row["repeats"])),
            *([f"{row['tokens']:,}"] if tokens else []),
            _id(str(row["first failing step"])),
            str(row["reason"]),
        )
        for row in rows
    ]
    return element(
        "section",
        element("h2", "Problems"),
        table(
            "Problems; sub-steps and tokens of all repeats together",
            (*head, "first failing", "reason"),
            shown,
            class_="sortable",
        ),
    )


@dataclass(slots=True)
class _Listed:
    """The failures that have their place, by problem."""

    by_problem: dict[str, list[Html]] = field(default_factory=lambda: defaultdict(list))
    size_bytes: int = 0
    number: int = 0


def failures_section(run: RunFiles) -> Html:
    """List every failed sub-step with its detail, as many as there is room for."""
    failed = [
        (StepKey(attempt.problem_id, attempt.repeat, step.step_id), step)
        for group in by_problem(run.attempts)
        for attempt in group
        for step in attempt.steps
        if not step.passed
    ]
    listed = _list_failures(failed, run)
    left_out = len(failed) - listed.number
    told = f"{len(failed)} failed. " if failed else "None: every scored sub-step passed."
    if left_out:
        told += f"{left_out} are left out here for their size; verdicts.jsonl has all. "
    parts: list[Html] = []
    for problem_id, entries in listed.by_problem.items():
        parts += [element("h3", f"Problem {_id(problem_id)}"), *entries]
    return element("section", element("h2", "Failures"), element("p", told), *parts, id="failures")


def _list_failures(failed: Sequence[tuple[StepKey, StepResult]], run: RunFiles) -> _Listed:
    listed = _Listed()
    share = _MOST_FAILURES_BYTES // max(1, len(failed)) - _FRAME_BYTES
    most = max(_LEAST_DETAIL, min(_MOST_DETAIL, share))
    for key, step in failed:
        entry = _failure(key, step, clipped(run.details.get(key, ""), most, kept_end=most * 3 // 4))
        size_bytes = len(entry.source.encode())
        # One long entry must not hide shorter ones behind it.
        if listed.size_bytes + size_bytes <= _MOST_FAILURES_BYTES:
            listed.by_problem[key.problem_id].append(entry)
            listed.size_bytes += size_bytes
            listed.number += 1
    return listed


def _failure(key: StepKey, step: StepResult, detail: str) -> Html:
    source = f", inherited from {_id(step.inherited_from)}" if step.inherited_from else ""
    told = element(
        "summary",
        element("b", _id(key.step_id)),
        f" repeat {key.repeat}: ",
        _named(step.reason),
        source,
    )
    return element("details", told, element("pre", detail or "no detail"), class_="failure")


def _named(reason: Reason) -> Html:
    swatch = element("span", class_=f"swatch r-{reason.value}", aria_hidden="true")
    return element("span", swatch, reason.value, class_="reason")


def _stacked(counts: Sequence[tuple[Reason, int]], total: int) -> Html:
    """Draw one horizontal bar; segments that are wide enough have their count in them."""
    segments: list[Html] = []
    start = 0.0
    for reason, count in counts:
        width = 100 * count / total
        segments.append(
            element(
                "rect",
                element("title", f"{reason.value}: {count}"),
                class_=f"r-{reason.value}",
                x=f"{start:.3f}%",
                width=f"{width:.3f}%",
                height="100%",
            )
        )
        if width >= _WIDE_ENOUGH:
            place = {"x": f"{start + width / 2:.3f}%", "y": "50%"}
            segments.append(element("text", str(count), class_=f"t-{reason.value}", **place))
        start += width
    told = ", ".join(f"{count} {reason.value}" for reason, count in counts)
    return element("svg", *segments, class_="stacked", role="img", aria_label=told)


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
    name = element("span", clipped(names.get(problem_id, ""), _MOST_NAME), class_="name")
    rest = width - len(steps)
    return element(
        "tr",
        element("th", _id(problem_id), " ", name, scope="row"),
        *map(_map_cell, steps),
        *([element("td", colspan=str(rest), class_="rest")] if rest else []),
    )


def _map_cell(tries: Sequence[StepResult]) -> Html:
    passed, step_id = sum(step.passed for step in tries), _id(tries[0].step_id)
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
    source = f" inherited from {_id(step.inherited_from)}" if step.inherited_from else ""
    return f"{step.reason.value}{source}"


def _solved(share: str | float, repeats: int) -> str:
    if isinstance(share, str):
        return share
    return value_text(bool(share)) if repeats == 1 else f"{round(share * repeats)} of {repeats}"


def _id(identifier: str) -> str:
    return clipped(identifier, _MOST_ID)


def problem_names(run: RunFiles) -> dict[str, str]:
    """Return the names of problems by their ids, where the run tells them."""
    return {key: str(name) for key, name in mapping(run.record.get("problem_names")).items()}
