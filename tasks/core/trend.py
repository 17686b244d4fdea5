"""metrics -> report: the scores of a series of checkpoints, each against earlier ones, as Markdown.

Each is compared with the one before it and with the best before it, in the order of the series. The
best of many is best partly by luck, so a difference to it leans towards a drop.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tasks.core.checkpoint_series import Entry, Score
from tasks.core.errors import EvalError
from tasks.core.json_value import JsonValue
from tasks.core.markdown_text import escape, markdown_table
from tasks.core.run_comparison import Comparison

_ABSENT = "–"
_HEAD = (
    *("checkpoint", "evaluated", "subtask_accuracy", "passed"),
    *("against the previous", "against the best before"),
)
# The page of an artifact is narrow: what belongs together stands in one cell, line by line.
_BREAK = "<br>"


@dataclass(frozen=True, slots=True)
class Change:
    """A checkpoint against an earlier one; without a comparison where their runs do not allow one.

    `dropped` says whether it is significantly worse.
    """

    earlier: str
    comparison: Comparison | None
    dropped: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One evaluated checkpoint of the trend."""

    entry: Entry
    score: Score
    previous: Change | None
    best: Change | None


def trend(
    entries: Sequence[Entry], compare: Callable[[Entry, Entry], Comparison], least_drop: float
) -> list[Row]:
    """Compare every checkpoint with the previous and with the best before it.

    Args:
        entries: the evaluated checkpoints in the order of the series.
        compare: compares the runs of an earlier and a later one, or raises EvalError.
        least_drop: the smallest difference that is called a drop.
    """
    rows: list[Row] = []
    best: Entry | None = None
    best_value = 0.0

    def change(earlier: Entry | None, entry: Entry) -> Change | None:
        return None if earlier is None else _change(earlier, entry, compare, least_drop)

    for entry in entries:
        if entry.score is None:
            continue
        before = rows[-1].entry if rows else None
        rows.append(Row(entry, entry.score, change(before, entry), change(best, entry)))
        if best is None or entry.score.value > best_value:
            best, best_value = entry, entry.score.value
    return rows


def trend_markdown(
    title: str, rows: Sequence[Row], failed: Sequence[Entry], links: Mapping[str, str], tries: int
) -> str:
    """Render the trend, the newest checkpoint on top, and what has no score yet.

    Args:
        title: names what the checkpoints were evaluated on.
        rows: the oldest first.
        failed: checkpoints whose every evaluation failed.
        links: the page of a flow run, by its id.
        tries: evaluations that a checkpoint gets.
    """
    cells = [_cells(row, links) for row in reversed(rows)]
    sections = [f"# {escape(title)}", markdown_table(_HEAD, cells)]
    if failed:
        lines = (_failed_cells(entry, tries) for entry in failed)
        sections += ["## Without a score", markdown_table(("checkpoint", "tries", "last"), lines)]
    return "\n\n".join(sections) + "\n"


def change_document(change: Change | None) -> JsonValue:
    """Return a change as the event's payload holds it."""
    if change is None or change.comparison is None:
        return None
    comparison = change.comparison
    return {
        "checkpoint": change.earlier,
        "difference": comparison.difference,
        "interval": None if comparison.interval is None else list(comparison.interval),
        "dropped": change.dropped,
        "lost": list(comparison.lost),
        "gained": list(comparison.gained),
    }


def change_text(change: Change | None) -> str:
    """Say a change in a few words."""
    if change is None:
        return _ABSENT
    text = ", ".join(_change_parts(change))
    return f"significant drop: {text}" if change.dropped else text


def _change(
    earlier: Entry,
    entry: Entry,
    compare: Callable[[Entry, Entry], Comparison],
    least_drop: float,
) -> Change:
    name = earlier.checkpoint.name
    try:
        comparison = compare(earlier, entry)
    except EvalError:
        # A run directory may have been removed; the score that is known still stands.
        return Change(name, None, dropped=False)
    return Change(name, comparison, dropped=comparison.dropped(least_drop))


def _cells(row: Row, links: Mapping[str, str]) -> tuple[str, ...]:
    score, entry = row.score, row.entry
    name = escape(entry.checkpoint.name)
    link = links.get(entry.flow_run_id or "")
    value, interval = f"{score.value:.4f}", score.interval
    if interval is not None:
        value += f"{_BREAK}{interval[0]:.4f} to {interval[1]:.4f}"
    return (
        name if link is None else f"[{name}]({link})",
        _day_and_hour(entry.evaluated_at),
        value,
        f"{score.passed:g} of {score.scored}",
        _change_cell(row.previous, named=False),
        _change_cell(row.best, named=True),
    )


def _day_and_hour(at: str | None) -> str:
    """Write the time of an evaluation, UTC, to the minute."""
    return _ABSENT if at is None else escape(at.replace("T", " ")[: len("2026-01-02 03:04")])


def _change_cell(change: Change | None, *, named: bool) -> str:
    if change is None:
        return _ABSENT
    lines = [escape(change.earlier)] if named else []
    if change.dropped:
        lines.append("**significant drop**")
    return _BREAK.join([*lines, *_change_parts(change)])


def _change_parts(change: Change) -> list[str]:
    if change.comparison is None:
        return ["cannot be compared"]
    comparison = change.comparison
    difference = f"{comparison.difference:+.4f}"
    if comparison.interval is not None:
        difference += f" ({comparison.interval[0]:+.4f} to {comparison.interval[1]:+.4f})"
    return [difference, f"{len(comparison.lost)} lost, {len(comparison.gained)} gained"]


def _failed_cells(entry: Entry, tries: int) -> tuple[str, str, str]:
    last = entry.failures[-1]
    count = f"{len(entry.failures)} of {tries}"
    return escape(entry.checkpoint.name), count, escape(f"{last.at}: {last.error}")
