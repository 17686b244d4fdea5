"""The evaluator's side of a keeper: starts it, hears from it, and lets go of it.

Closing the keeper's standard input is all that is needed to have the server stopped, and the kernel
does that however this process ends. No transport of asyncio holds the keeper: one that is thrown
away kills its process.
"""

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Self, cast

from tasks.core.errors import ConfigError, ProviderError
from tasks.model_server.keeper import KILL_S, MARK_NAME
from tasks.model_server.process_table import kill_marked, send
from tasks.model_server.reports import Kind, Report, read_report

_SLACK_S = 1.5
_SWEEP_S = 0.5
_ENOUGH = 4096
# Without -P, a folder `tasks` where the user happens to be would be taken for ours.
_KEEPER = (sys.executable, "-P", "-m", "tasks.model_server.keeper")


class KeeperLink:
    """A keeper and what it has reported; None stands for a keeper that ended without a report."""

    def __init__(self, process: subprocess.Popen[bytes], mark: str, grace_s: float) -> None:
        self._process = process
        self._lifeline = cast("IO[bytes]", process.stdin)
        self._reports = cast("IO[bytes]", process.stdout)
        self._mark = mark
        self._grace_s = grace_s
        self._heard = b""
        self._server: int | None = None
        self._loop = asyncio.get_running_loop()
        self._first: asyncio.Future[Report | None] = self._loop.create_future()
        self.last: asyncio.Future[Report | None] = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(self._reports, self._hear)

    @classmethod
    async def start(cls, words: Sequence[str], log: Path, grace_s: float) -> Self:
        """Start a keeper and, by it, a server that appends all it prints to a log.

        Raises:
            ConfigError: the command cannot be executed, or the log not be written.
            ProviderError: the keeper does not start.
        """
        mark = uuid.uuid4().hex
        link = cls(_start_keeper((str(grace_s), mark, *words), log), mark, grace_s)
        try:
            await link._wait_for_server(words[0], log)
        except BaseException:
            await link.stop()
            raise
        return link

    async def ended(self) -> Report | None:
        """Wait for the last report; none comes if the keeper is killed."""
        await asyncio.wait({self.last})
        return self.last.result()

    async def stop(self) -> bool:
        """Have the server stopped with all that came from it; False where something is left.

        Where this is cancelled, the keeper goes on alone.
        """
        self._lifeline.close()
        try:
            await asyncio.wait({self._gone}, timeout=self._grace_s + KILL_S + _SLACK_S)
            if not self._gone.done():
                self._process.kill()
            self._process.wait()
        finally:
            self._loop.remove_reader(self._reports)
            self._reports.close()
        if self._process.returncode and self._server and sys.platform != "linux":
            send(-self._server, signal.SIGKILL)
        return await asyncio.to_thread(kill_marked, MARK_NAME, self._mark, _SWEEP_S)

    async def _wait_for_server(self, program: str, log: Path) -> None:
        await asyncio.wait({self._first})
        first = self._first.result()
        if first is None:
            raise ProviderError(
                f"expected the keeper of the model server to start, it did not; see {log}"
            )
        if first.kind is Kind.REFUSED:
            raise ConfigError(
                f"serve_command: expected a program that can be executed, found {program!r}: "
                f"{first.value}; give its path; for variables write `env NAME=VALUE program …`, "
                "and for what only a shell can do sh -c '…'"
            )
        self._server = int(first.value)

    def _hear(self) -> None:
        """Take what the keeper has written; it closes the pipe by ending."""
        data = os.read(self._reports.fileno(), _ENOUGH)
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            waiting = self.last if self._first.done() else self._first
            waiting.set_result(read_report(line))
        if not data:
            self._loop.remove_reader(self._reports)
            for future in (self._first, self.last, self._gone):
                if not future.done():
                    future.set_result(None)


def _start_keeper(arguments: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    try:
        with log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603 - our own module
                (*_KEEPER, *arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                start_new_session=True,
            )
    except OSError as error:
        raise ConfigError(
            f"cannot start a model server that writes to {log}: {error}; choose an output "
            "folder that can be written, or a shorter serve_command"
        ) from error
