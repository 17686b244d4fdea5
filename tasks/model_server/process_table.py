"""Finds the processes that came from a model server, also those that left its group or session.

Read off Linux's /proc; on other systems nothing is found, and a process group is all there is.
"""

import os
import signal
import time
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_POLL_S = 0.02
# A process whose first thread has ended says so of itself while others still run.
_ENDED = ("Z", "X")
_THREADS = 17


def list_descendants(ancestor: int) -> list[int]:
    """Return what came from a process and has not ended; orphans too, if it adopts them."""
    children: dict[int, list[int]] = {}
    for pid, parent in _living():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    waiting = [ancestor]
    while waiting:
        below = children.pop(waiting.pop(), [])
        found += below
        waiting += below
    return found


def list_marked(name: str, value: str) -> list[int]:
    """Return the processes of this user that were started with a variable of this value."""
    mark = os.fsencode(f"{name}={value}")
    return [pid for pid, _ in _living() if mark in _environment(pid)]


def kill_marked(name: str, value: str, within_s: float) -> bool:
    """Kill such processes until none is left; False if some are when the time is up."""
    deadline = time.monotonic() + within_s
    while marked := list_marked(name, value):
        for pid in marked:
            send(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def send(pid: int, signal_number: int) -> None:
    """Send a signal to a process that may have ended, or to a group, given as -id."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal_number)


def _living() -> Generator[tuple[int, int]]:
    """Give every process that has not ended, with its parent."""
    if not _PROC.is_dir():
        return
    for name in os.listdir(_PROC):  # noqa: PTH208 - there may be thousands; a Path each is slow
        if name.isdecimal():
            # It may end at any moment.
            with suppress(FileNotFoundError, ProcessLookupError):
                text = (_PROC / name / "stat").read_text(encoding="utf-8", errors="replace")
                # `pid (name) state parent …`; the name may hold blanks and brackets.
                fields = text.rpartition(")")[2].split()
                if fields[0] not in _ENDED or int(fields[_THREADS]) > 1:
                    yield int(name), int(fields[1])


def _environment(pid: int) -> list[bytes]:
    with suppress(OSError):
        return (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    return []
