"""Tells an event loop that a process has ended, without a thread and without reaping it.

As long as the process is not reaped, its id and its group's id belong to it alone, so the group can
still be killed.
"""

import os
import select
import sys


class ExitWatch:
    """A descriptor that becomes readable when the process ends."""

    def __init__(self, pid: int) -> None:
        if sys.platform == "linux":
            self._source = open(os.pidfd_open(pid), "rb", buffering=0)  # noqa: PTH123, SIM115 — a descriptor
        else:
            self._source = select.kqueue()
            self._source.control([_end_of(pid)], 0)

    def fileno(self) -> int:
        """Answer with the descriptor, as event loops ask for it."""
        return self._source.fileno()

    def close(self) -> None:
        """Stop watching."""
        self._source.close()


if sys.platform != "linux":

    def _end_of(pid: int) -> select.kevent:
        return select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT)
