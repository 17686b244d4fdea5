"""The evaluator's side of a keeper: starts it, hears from it, and lets go of it.

Closing the keeper's standard input is all that is needed to have the server stopped, and the kernel
does that however this process ends.
"""

import asyncio
import signal
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tasks.core.errors import ConfigError, ProviderError
from tasks.model_server.keeper import KILL_S, MARK_NAME
from tasks.model_server.process_table import kill_marked, send
from tasks.model_server.reports import Kind, Report, read_report

_SLACK_S = 1.5
_SWEEP_S = 0.5
# Without -P, a folder `tasks` where the user happens to be would be taken for ours.
_KEEPER = (sys.executable, "-P", "-m", "tasks.model_server.keeper")


class KeeperLink:
    """A keeper whose server runs; `last` waits for the end of it."""

    def __init__(self, process: asyncio.subprocess.Process, mark: str, grace_s: float) -> None:
        self._process = process
        self._mark = mark
        self._grace_s = grace_s
        self._server: int | None = None
        self.last: asyncio.Task[Report | None]

    @classmethod
    async def start(cls, words: Sequence[str], log: Path, grace_s: float) -> Self:
        """Start a keeper and, by it, a server that appends all it prints to a log.

        Raises:
            ConfigError: the command cannot be executed, or the log not be written.
            ProviderError: the keeper does not start.
        """
        mark = uuid.uuid4().hex
        try:
            with log.open("ab") as output:
                process = await asyncio.create_subprocess_exec(
                    *(*_KEEPER, str(grace_s), mark, *words),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=output,
                    start_new_session=True,
                )
        except OSError as error:
            raise ConfigError(
                f"cannot start a model server that writes to {log}: {error}; choose an output "
                "folder that can be written, or a shorter serve_command"
            ) from error
        link = cls(process, mark, grace_s)
        try:
            await link._hear_first(words[0], log)
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
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(self._grace_s + KILL_S + _SLACK_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        if self._process.returncode and self._server and sys.platform != "linux":
            send(-self._server, signal.SIGKILL)
        return await asyncio.to_thread(kill_marked, MARK_NAME, self._mark, _SWEEP_S)

    async def _hear_first(self, program: str, log: Path) -> None:
        first = await self._hear()
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
        self.last = asyncio.create_task(self._hear())

    async def _hear(self) -> Report | None:
        stdout = self._process.stdout
        return None if stdout is None else read_report(await stdout.readline())
