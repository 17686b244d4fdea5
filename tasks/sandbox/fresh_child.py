"""A child in an interpreter of its own, for hosts where a process cannot safely be forked.

Slower than a fork of the zygote by all that the program imports, and under limits only.
"""

import asyncio
import logging
import os
import signal
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

from tasks.core.errors import SandboxError
from tasks.sandbox.deaths import Death, read_usage
from tasks.sandbox.launch import Interpreter, follow, start
from tasks.sandbox.removal import remove_tree

_log = logging.getLogger(__name__)


class FreshChild:
    """A started interpreter, its folder, and what it can be followed by."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="sandbox-"))
        self.exited: asyncio.Future[Death] = asyncio.get_running_loop().create_future()
        self.channel, theirs = socket.socketpair()
        try:
            with theirs:
                home = {"HOME": str(self._folder), "TMPDIR": str(self._folder)}
                started = follow(start(interpreter, "child", theirs, home), self.channel)
        except SandboxError:
            self.channel.close()
            self._folder.rmdir()
            raise
        self.errors = started.errors
        self._process, self._watch = started.process, started.watch
        self.exited.get_loop().add_reader(self._watch, self._bury)

    def kill(self) -> None:
        """Kill its group; not being reaped yet, the child still owns the group's id."""
        if self._process.returncode is None:
            # macOS refuses where only the dead are left.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def clear(self) -> None:
        """Close what is open and remove the child's folder."""
        self.kill()
        if not self.exited.done():
            # Blocks for as long as a kill takes.
            self._bury()
        self.channel.close()
        self.errors.close()
        await asyncio.to_thread(_remove, self._folder)

    def _bury(self) -> None:
        self.kill()
        self.exited.get_loop().remove_reader(self._watch)
        self._watch.close()
        try:
            _, status, usage = os.wait4(self._process.pid, 0)
        except ChildProcessError:
            self._process.returncode = -1
            self._answer(
                SandboxError(
                    f"the status of child {self._process.pid} was expected, but something else in "
                    "this process has taken it; leave SIGCHLD alone where the sandbox runs"
                )
            )
            return
        death = read_usage(status, usage)
        self._process.returncode = death.exit_code
        self._answer(death)

    def _answer(self, answer: Death | SandboxError) -> None:
        if self.exited.done():
            return
        if isinstance(answer, Death):
            self.exited.set_result(answer)
        else:
            self.exited.set_exception(answer)


def _remove(folder: Path) -> None:
    try:
        remove_tree(folder)
    except OSError as error:
        _log.warning("could not remove %s of an ended child: %s; remove it by hand", folder, error)
