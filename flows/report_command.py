"""argv -> report.html: renders the report of a run once more, from the files of its directory."""

import argparse
from collections.abc import Callable
from pathlib import Path

DONE = 0


def add_report_command(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add `report` to the command line."""
    report = add_parser(
        "report",
        help="write report.html of a finished run anew",
        description="Write RUN/report.html from the files of a finished run, and print its path. "
        "Every run does so at its end; this is for runs of before, and after a file was mended.",
    )
    report.add_argument("run", type=Path, metavar="RUN", help="run directory")
    report.set_defaults(handler=_report)


def _report(arguments: argparse.Namespace) -> int:
    from tasks.report_file import write_report

    print(write_report(arguments.run))
    return DONE
