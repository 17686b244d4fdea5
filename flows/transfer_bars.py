"""upstream -> terminal: a bar for the file that is fetched or checked, and what became of all."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from flows.prepare import Prepared
from flows.terminal import print_line


class TransferBars:
    """The bar of the file at hand; it is taken away when the next one comes."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._name = ""
        self._bar: TaskID | None = None

    def file(self, name: str) -> None:
        """Take the next file."""
        self._drop()
        self._name = name

    def begin(self, doing: str, total_bytes: int | None, done_bytes: int) -> None:
        """Show a new bar: a speed is of one transfer."""
        self._drop()
        self._bar = self._progress.add_task(
            f"{doing} {self._name}", total=total_bytes, completed=done_bytes
        )

    def advance(self, number_bytes: int) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._progress.advance(self._bar, number_bytes)

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        print_line(self._progress.console, text)

    def _drop(self) -> None:
        if self._bar is not None:
            self._progress.remove_task(self._bar)
            self._bar = None


@contextmanager
def watching_transfers() -> Generator[TransferBars]:
    """Show a bar on standard error while files are fetched."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
    )
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        yield TransferBars(progress)


def print_prepared(files: Sequence[Prepared], folder: Path, benchmark: str) -> None:
    """Print what became of every file, and what can be done next."""
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("file", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("right copy", overflow="fold")
    for file in files:
        if file.error is not None:
            table.add_row(file.name, "", "missing", style="red")
        else:
            table.add_row(file.name, decimal(file.size_bytes), file.origin or "was there")
    console.print(table)
    if all(file.error is None for file in files):
        options = f" --data-dir {folder}" if folder != Path("data") else ""
        console.print(
            f"{len(files)} files are ready in {folder}: "
            f"scicode-flows evaluate --dataset {benchmark}{options} --base-url … --model …",
            soft_wrap=True,
            markup=False,
            style="bold",
        )
