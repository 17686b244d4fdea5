"""Holds a model server: `python -m tasks.model_server.keeper GRACE_S MARK COMMAND…`.

A model server is many processes, some in sessions of their own, and a GPU stays taken until the
last one is gone. This process starts it and lives in a session of its own, so that nothing that
ends the evaluator ends it too. It stops the server when its standard input closes: that is how the
evaluator asks for it, and what the kernel does when the evaluator is killed. Orphans of the server
become its children (on Linux), so all are found; should it be killed itself, the kernel kills the
server, and the evaluator finds the others by MARK, a variable of their environment.

Standard output carries the reports; standard error is the log, which the server writes to as well.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from types import FrameType

from tasks.model_server.process_table import list_descendants, send
from tasks.model_server.reports import Kind, Report, pack_report
from tasks.sandbox import kernel
from tasks.sandbox.confinement import die_with

MARK_NAME = "SCICODE_MODEL_SERVER"
# Killed processes that are not gone by then wait for a device; nothing more can be done.
KILL_S = 3.0

_LIFELINE, _REPORTS, _LOG = 0, 1, 2
_POLL_S = 0.05
_ENOUGH = 4096
_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class _Kept:
    """The server, and all that it has started."""

    def __init__(self, words: Sequence[str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the user's own command
            words,
            stdin=subprocess.DEVNULL,
            stdout=_LOG,
            stderr=_LOG,
            process_group=0,
            preexec_fn=partial(die_with, os.getpid()),
        )
        self.pid = self._process.pid
        self.status: int | None = None

    def reap(self) -> bool:
        """Take note of what has ended, adopted orphans included; False if no child is left."""
        try:
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self.pid:
                    self.status = os.waitstatus_to_exitcode(ended[1])
                    self._process.returncode = self.status
        except ChildProcessError:
            return False
        return True

    def stop(self, grace_s: float) -> None:
        """End everything: ask, wait, then kill."""
        self._signal_all(signal.SIGTERM)
        if not self._is_gone(grace_s, None):
            self._is_gone(KILL_S, signal.SIGKILL)

    def _is_gone(self, within_s: float, repeated: signal.Signals | None) -> bool:
        """Wait for the end of all; a process that is just being born misses a signal."""
        deadline = time.monotonic() + within_s
        while True:
            # Every process that came from the server is below a child of this one.
            if not self.reap() and not self._is_group_left():
                return True
            if time.monotonic() > deadline:
                return False
            if repeated is not None:
                self._signal_all(repeated)
            time.sleep(_POLL_S)

    def _is_group_left(self) -> bool:
        """Ask for orphans where they are not adopted."""
        if sys.platform != "linux":
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, 0)
                return True
        return False

    def _signal_all(self, number: signal.Signals) -> None:
        is_tree_known = sys.platform == "linux"
        for pid in list_descendants(os.getpid()) if is_tree_known else [-self.pid]:
            send(pid, number)


def keep(words: Sequence[str], grace_s: float) -> None:
    """Run a server until it ends or is to be stopped, then end all that came from it."""
    wakeups = _wake_by_signals()
    try:
        kept = _Kept(words)
    except OSError as error:
        _tell(Kind.REFUSED, error.strerror or str(error))
        return
    _tell(Kind.STARTED, str(kept.pid))
    is_wanted = True
    while is_wanted and kept.status is None:
        is_wanted = _wait(wakeups)
        kept.reap()
    if kept.status is None:
        _tell(Kind.STOPPED)
    else:
        _tell(Kind.ENDED, str(kept.status))
    kept.stop(grace_s)


def _wake_by_signals() -> int:
    """Return a descriptor that tells of signals, the end of a child among them."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, *_STOPPING):
        signal.signal(number, _note_nothing)
    return reader


def _note_nothing(number: int, frame: FrameType | None) -> None:
    """Let a signal wake `_wait`, which it would not do without a handler."""
    del number, frame


def _wait(wakeups: int) -> bool:
    """Wait until something happens; answer whether the server is still wanted."""
    ready = select.select([_LIFELINE, wakeups], [], [])[0]
    if _LIFELINE in ready and not os.read(_LIFELINE, _ENOUGH):
        return False
    return wakeups not in ready or not set(os.read(wakeups, _ENOUGH)) & set(_STOPPING)


def _tell(kind: Kind, value: str = "") -> None:
    # An evaluator that is gone needs no report.
    with suppress(BrokenPipeError):
        os.write(_REPORTS, pack_report(Report(kind, value)))


def main() -> None:
    """Become the parent of all that the server leaves behind, and keep it."""
    grace_s, mark, *words = sys.argv[1:]
    os.putenv(MARK_NAME, mark)
    if sys.platform == "linux":
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    keep(words, float(grace_s))


if __name__ == "__main__":
    main()
