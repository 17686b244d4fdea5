"""What the keeper of a model server tells the evaluator: one line a report, `<kind> <value>`."""

import signal
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What happened."""

    STARTED = "started"  # value: process id
    REFUSED = "refused"  # value: why the command cannot be executed
    ENDED = "ended"  # by itself; value: exit status, -signal if it was killed
    STOPPED = "stopped"  # on request; no value


@dataclass(frozen=True, slots=True)
class Report:
    """One report."""

    kind: Kind
    value: str


def pack_report(report: Report) -> bytes:
    """Write a report as a line."""
    return f"{report.kind} {' '.join(report.value.split())}\n".encode("utf-8", "replace")


def read_report(line: bytes) -> Report | None:
    """Read a line; None where the stream has ended."""
    kind, blank, value = line.decode().rstrip("\n").partition(" ")
    return Report(Kind(kind), value) if blank else None


def describe_end(last: Report | None) -> str:
    """Say how a server ended, by the last report on it; there is none if its keeper was killed."""
    if last is None:
        return "its keeper was killed, and it with it"
    if last.kind is not Kind.ENDED:
        return "it was stopped"
    status = int(last.value)
    if status == 0:
        return "it ended with exit status 0 (serve_command must stay in the foreground)"
    if status > 0:
        return f"it ended with exit status {status}"
    return f"it was killed by {_name(-status)}"


def _name(number: int) -> str:
    if number == signal.SIGKILL:
        return "SIGKILL (was it short of memory?)"
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have no names
        return f"signal {number}"
