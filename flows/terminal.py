"""metrics -> terminal: progress bars while an evaluation runs, and its summary at the end."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from flows.progress import Counted
from tasks.core.json_value import JsonValue
from tasks.core.reporting import failures_line, remark_texts
from tasks.core.usage_line import usage_line

_SPREAD = "/std_dev_across_runs"


class Bars:
    """One bar for everything that is counted."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[Counted, TaskID] = {}
        self._start = progress.add_task("starting", total=None)

    def expect(self, counted: Counted, total: int) -> None:
        """Show a bar with this total; the first one takes the place of the moving one.

        A further evaluation takes the bars of the one before it.
        """
        self._progress.update(self._start, visible=False)
        if counted in self._bars:
            self._progress.reset(self._bars[counted], total=total)
            return
        self._bars[counted] = self._progress.add_task(counted.value, total=total)

    def advance(self, counted: Counted, number: int = 1) -> None:
        """Move a bar."""
        if counted in self._bars:
            self._progress.advance(self._bars[counted], number)

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        print_line(self._progress.console, text)


@contextmanager
def watching() -> Generator[Bars]:
    """Show bars on standard error while an evaluation runs."""
    columns = (
        TextColumn("{task.description:<13}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield Bars(progress)


@contextmanager
def waiting(doing: str) -> Generator[None]:
    """Show on a terminal's standard error that something is being done."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(doing):
        yield


def print_line(console: Console, text: str) -> None:
    """Print a text as it is, without markup or line breaks of our own."""
    console.print(text, soft_wrap=True, markup=False, highlight=False)


def print_summary(document: Mapping[str, JsonValue], output: Path) -> None:
    """Print the headline, every metric with its denominator, and where the run is."""
    console = Console(highlight=False)
    metrics = cast("dict[str, dict[str, JsonValue]]", document["metrics"])
    details = cast("dict[str, JsonValue]", document["details"])
    console.print(_table(metrics))
    for entry in cast("list[dict[str, JsonValue]]", document["protocols"]):
        console.print(
            f"{entry['name']}: {_number(entry['value'])} "
            f"({_number(entry['passed'])} of {entry['steps']}; {entry['note']})",
            soft_wrap=True,
        )
    reasons = cast("dict[str, int]", document["reasons"])
    console.print("verdicts: " + ", ".join(f"{n} {reason}" for reason, n in reasons.items()))
    if line := failures_line(document):
        console.print(line)
    if line := usage_line(document):
        console.print(line, soft_wrap=True)
    for text in remark_texts(document):
        console.print(text, soft_wrap=True)
    console.print(f"scored: {details['scored']}", soft_wrap=True)
    console.print(f"subtask_accuracy {metrics['subtask_accuracy']['value']}", style="bold")
    console.print(f"run: {output}", soft_wrap=True)


def _table(metrics: Mapping[str, Mapping[str, JsonValue]]) -> Table:
    table = Table("metric", "value", "95 % interval", "over", box=box.SIMPLE_HEAD)
    for name, metric in metrics.items():
        if not name.endswith(_SPREAD):
            spread = metrics.get(f"{name}{_SPREAD}")
            value = _number(metric["value"])
            if spread is not None:
                value += f" ± {_number(spread['value'])}"
            interval = cast("list[float] | None", metric["interval"])
            limits = "" if interval is None else " – ".join(map(_number, interval))
            over = f"{_number(metric['numerator'])} / {metric['denominator']} {metric['over']}"
            table.add_row(name, value, limits, over)
    return table


def _number(value: JsonValue) -> str:
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.4g}"
    return str(int(value)) if isinstance(value, float) else str(value)
