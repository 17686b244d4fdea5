"""Reads the death of a child that did not say how it ended.

An exit code is no evidence of anything: a program chooses its own. What it cannot choose is the
processor time that the kernel counted for it, so a limit is told from a suicide by that.
"""

import os
import resource
import signal
import sys
from dataclasses import dataclass

from tasks.core.records import Ending, Limits
from tasks.sandbox.confinement import cpu_limit_s
from tasks.sandbox.traceback_text import DETAIL_CHARACTERS, printable

# The kernel enforces the limit by another clock than the one that it reports: it counts ticks.
_CLOCK_AGREEMENT = 0.9
_CLOCK_SLACK_S = 0.5
_LIMIT_SIGNALS = (signal.SIGXCPU, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Death:
    """What the kernel says of an ended process.

    The exit code is -signal if it was killed; the peak is of memory in use, in bytes.
    """

    exit_code: int
    cpu_s: float
    peak_bytes: int = 0


def read_usage(status: int, usage: resource.struct_rusage) -> Death:
    """Take the words of `os.wait4`."""
    cpu_s = usage.ru_utime + usage.ru_stime
    unit = 1 if sys.platform == "darwin" else 1024
    return Death(os.waitstatus_to_exitcode(status), cpu_s, usage.ru_maxrss * unit)


def is_violation(death: Death) -> bool:
    """Whether the process was killed for a system call of another architecture."""
    return death.exit_code == -signal.SIGSYS


def classify(death: Death, limits: Limits) -> tuple[Ending, str]:
    """Conclude how a child ended that left no report."""
    cpu_s = cpu_limit_s(limits)
    enough_s = min(_CLOCK_AGREEMENT * cpu_s, cpu_s - _CLOCK_SLACK_S)
    if -death.exit_code in _LIMIT_SIGNALS and death.cpu_s >= enough_s:
        return Ending.TIMED_OUT, f"CPU limit of {cpu_s} s reached"
    return Ending.KILLED, describe_death(death)


def describe_death(death: Death) -> str:
    """Name the signal, or the status of an exit without a report."""
    if death.exit_code >= 0:
        return f"exited without reporting (status {death.exit_code})"
    try:
        return f"killed by {signal.Signals(-death.exit_code).name}"
    except ValueError:  # real-time signals have no names
        return f"killed by signal {-death.exit_code}"


def with_stderr(text: str, stderr: bytes) -> str:
    """Add the last of what a program printed, as much as a detail holds."""
    tail = printable(stderr.decode("utf-8", "replace").strip())
    room = DETAIL_CHARACTERS - len(text) - 1
    return f"{text}\n{tail[-room:]}" if tail else text
