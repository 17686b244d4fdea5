"""Findings -> terminal: one line a finding, and below it what to do."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.doctor.findings import Finding, Status, is_ready
from flows.terminal import print_line

_STYLES = {Status.OK: "green", Status.NOTE: "yellow", Status.FAIL: "bold red"}


def print_findings(findings: Sequence[Finding]) -> None:
    """Print a table on a terminal, and unbroken lines elsewhere."""
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(_table(findings))
    else:
        for finding in findings:
            print_line(console, _line(finding))
    failed = sum(finding.status is Status.FAIL for finding in findings)
    if failed:
        console.print(f"not ready: {failed} of {len(findings)} checks failed", style="bold red")
    else:
        console.print("ready: an evaluation with these settings can start", style="bold green")


def print_json(findings: Sequence[Finding]) -> None:
    """Print the findings for a program to read."""
    document = {"ready": is_ready(findings), "findings": [asdict(f) for f in findings]}
    print_line(Console(), json.dumps(document, indent=2, ensure_ascii=False))


def _table(findings: Sequence[Finding]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        text = Text(finding.found)
        if finding.advice:
            style = "dim" if finding.status is Status.OK else "bold"
            text.append(f"\n→ {finding.advice}", style=style)
        status = Text(finding.status.value, style=_STYLES[finding.status])
        table.add_row(status, finding.name, text)
    return table


def _line(finding: Finding) -> str:
    advice = f" → {finding.advice}" if finding.advice else ""
    return f"{finding.status.value:<4}  {finding.name:<19}  {finding.found}{advice}"
