"""verdict -> report: the parts of a run's page that tell why sub-steps failed.

Nothing is told by colour alone: every segment has its number beside its name in the table below.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from tasks.core.html_elements import Child, Html, clipped, element, escape, table
from tasks.core.ordering import natural_key
from tasks.core.records import Reason, StepKey, StepResult
from tasks.core.report_records import RunFiles, short_id
from tasks.core.reporting import failures_line
from tasks.core.verdict_rows import last_line

# All failures together; 2704 of them and the rest of the page stay below 2 MB.
_MOST_FAILURES_BYTES = 1_750_000
_MOST_DETAIL, _LEAST_DETAIL, _MOST_LAST_LINE = 2400, 150, 100
# What a failure takes besides its detail.
_FRAME_BYTES = 350
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


def failures_section(run: RunFiles) -> Html:
    """List every failed sub-step with its detail, as many as there is room for."""
    failed = [
        (StepKey(attempt.problem_id, attempt.repeat, step.step_id), step)
        for attempt in run.attempts
        for step in attempt.steps
        if not step.passed
    ]
    failed.sort(key=lambda one: _order(one[0]))
    listed = _list_failures(failed, run)
    left_out = len(failed) - listed.number
    told = f"{len(failed)} failed. " if failed else "None: every scored sub-step passed."
    if left_out:
        told += f"{left_out} are left out here for their size; verdicts.jsonl has all. "
    parts: list[Html] = []
    for problem_id, entries in listed.by_problem.items():
        parts += [element("h3", f"Problem {short_id(problem_id)}"), *entries]
    return element("section", element("h2", "Failures"), element("p", told), *parts, id="failures")


def _order(key: StepKey) -> tuple[object, ...]:
    return natural_key(key.problem_id), natural_key(key.step_id), key.repeat


@dataclass(slots=True)
class _Listed:
    """The failures that have their place, by problem."""

    by_problem: dict[str, list[Html]] = field(default_factory=lambda: defaultdict(list))
    size_bytes: int = 0
    number: int = 0


def _list_failures(failed: Sequence[tuple[StepKey, StepResult]], run: RunFiles) -> _Listed:
    listed = _Listed()
    share = _MOST_FAILURES_BYTES // max(1, len(failed)) - _FRAME_BYTES
    most = max(_LEAST_DETAIL, min(_MOST_DETAIL, share))
    repeated = run.repeats > 1
    for key, step in failed:
        detail = _fitted(run.details.get(key, ""), most)
        which = f" repeat {key.repeat}: " if repeated else " "
        entry = _failure(step, which, detail)
        size_bytes = len(entry.source.encode())
        # One long entry must not hide shorter ones behind it.
        if listed.size_bytes + size_bytes <= _MOST_FAILURES_BYTES:
            listed.by_problem[key.problem_id].append(entry)
            listed.size_bytes += size_bytes
            listed.number += 1
    return listed


def _failure(step: StepResult, which: str, detail: str) -> Html:
    source = f", inherited from {short_id(step.inherited_from)}" if step.inherited_from else ""
    last = _fitted(last_line(detail), _MOST_LAST_LINE)
    told = element(
        "summary",
        element("b", short_id(step.step_id)),
        which,
        _named(step.reason),
        source,
        *([" · ", element("span", last, class_="last")] if last else []),
    )
    return element("details", told, element("pre", detail or "no detail"), class_="failure")


def _fitted(text: str, most_bytes: int) -> str:
    """Shorten a text to about this many bytes of HTML; its end tells most."""
    shown = clipped(text, most_bytes, kept_end=most_bytes * 3 // 4)
    size_bytes = len(escape(shown).encode())
    if size_bytes > most_bytes:
        most = most_bytes * len(shown) // size_bytes
        shown = clipped(text, most, kept_end=most * 3 // 4)
    return shown


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
