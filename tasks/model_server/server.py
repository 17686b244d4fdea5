"""prompt -> generation: an endpoint of our own, served by the user's command for one evaluation.

Loading a checkpoint takes minutes, in which the last line of the server's log is all there is to
see; a server that fails ends the wait at once. However the evaluator ends, the server is stopped:
see `tasks.model_server.keeper`.
"""

import asyncio
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tasks.core.errors import ConfigError, ProviderError
from tasks.model_server.command import fill_command
from tasks.model_server.health import ask_health
from tasks.model_server.keeper_link import KeeperLink
from tasks.model_server.log_tail import read_last_lines
from tasks.model_server.reports import Report, describe_end

# Below those that systems give to outgoing connections, which could take the port while the
# checkpoint is being loaded.
_PORTS = range(20_000, 30_000)
_TRIES = 100
_SHOWN_LINES = 12
_ASK_S = 5.0
_SHORTEST_ASK_S = 0.2


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a server has to stop, and how often it is asked and its state told."""

    grace_s: float = 10.0
    ask_every_s: float = 1.0
    note_every_s: float = 30.0


class ModelServer:
    """Serves a checkpoint while it is entered; `base_url` and `models` are known inside."""

    def __init__(
        self,
        command: str,
        checkpoint: Path,
        model: str,
        log: Path,
        timeout_s: float,
        note: Callable[[str], None],
    ) -> None:
        """Remember what to serve.

        Args:
            command: the template of `fill_command`.
            checkpoint: folder or file of the weights.
            model: name that the server is to give them, where the command says so.
            log: file that gets all that the server prints.
            timeout_s: seconds until it must answer.
            note: takes lines on how far it is.
        """
        self.pace = Pace()
        self.base_url = ""
        self.models: tuple[str, ...] = ()
        self._command = command
        self._checkpoint = checkpoint
        self._model = model
        self._log = log
        self._timeout_s = timeout_s
        self._note = note
        self._log_start = 0
        self._keeper: KeeperLink | None = None

    async def __aenter__(self) -> Self:
        """Start the server and wait until it answers.

        Raises:
            ConfigError: the command cannot be run.
            ProviderError: the server ends, or does not answer in time.
        """
        port = _free_port()
        path = str(self._checkpoint.absolute())
        words = fill_command(self._command, path, self._model, port)
        root_url = f"http://127.0.0.1:{port}"
        self.base_url = f"{root_url}/v1"
        self._log_start = self._log.stat().st_size if self._log.exists() else 0
        self._note(f"starting the model server; it writes to {self._log}")
        self._keeper = await KeeperLink.start(words, self._log, self.pace.grace_s)
        try:
            self.models = await self._wait_for_answer(self._keeper, root_url)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server and all that it has started."""
        await self._stop()

    async def ended(self) -> str:
        """Wait until the server has ended by itself; say how, for a person."""
        if self._keeper is None:
            raise RuntimeError("the model server has not been entered")
        return self._describe_end(await self._keeper.ended())

    async def _stop(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None and not await keeper.stop():
            self._note("some processes of the model server cannot be ended; look for them by hand")

    async def _wait_for_answer(self, keeper: KeeperLink, root_url: str) -> tuple[str, ...]:
        start = told = time.monotonic()
        while True:
            left_s = max(start + self._timeout_s - time.monotonic(), _SHORTEST_ASK_S)
            health = await asyncio.to_thread(ask_health, root_url, min(_ASK_S, left_s))
            waited_s = time.monotonic() - start
            if keeper.last.done():
                raise ProviderError(self._describe_end(await keeper.ended()))
            if health.ready:
                self._note(f"the model server answers after {waited_s:.0f} s")
                return health.models
            if waited_s > self._timeout_s:
                raise ProviderError(self._describe_wait(health.said))
            if time.monotonic() - told >= self.pace.note_every_s:
                told = time.monotonic()
                self._note(f"waiting for the model server, {waited_s:.0f} s: {self._last_line()}")
            await asyncio.wait({keeper.last}, timeout=self.pace.ask_every_s)

    def _last_line(self) -> str:
        return "".join(read_last_lines(self._log, self._log_start, 1)) or "it has printed nothing"

    def _describe_wait(self, said: str) -> str:
        return (
            f"expected the model server to answer within {self._timeout_s:g} s, found {said} at "
            f"{self.base_url}; raise serve_timeout_s if it is still loading, else see that "
            f"serve_command makes it listen on {{port}}\n{self._quote_log()}"
        )

    def _describe_end(self, last: Report | None) -> str:
        return (
            f"expected the model server to run until the end, {describe_end(last)}; correct what "
            f"its log says, then start the same command again\n{self._quote_log()}"
        )

    def _quote_log(self) -> str:
        lines = read_last_lines(self._log, self._log_start, _SHOWN_LINES)
        if not lines:
            return f"{self._log}: it has printed nothing"
        return "\n  ".join((f"the last lines of {self._log}:", *lines))


def _free_port() -> int:
    for _ in range(_TRIES):
        port = _PORTS[secrets.randbelow(len(_PORTS))]
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ConfigError(
        f"expected a free port from {_PORTS.start} to {_PORTS.stop - 1} on 127.0.0.1, found none "
        f"in {_TRIES} tries; end the programs that hold them"
    )
