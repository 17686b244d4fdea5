"""The evaluator's end of one node: what it is asked, and what its answers are."""

import asyncio
import itertools
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from tasks.cluster.messages import (
    Answer,
    Ask,
    NodeReport,
    pack,
    read_report,
    read_verdict,
    unpack,
    work_fields,
)
from tasks.cluster.recipe import Recipe, recipe_fields
from tasks.cluster.transport import NodeLostError, NodePlace, Transport
from tasks.core.errors import SandboxError
from tasks.core.records import Problem, Verdict
from tasks.runner import Work
from tasks.strict_json import mapping, text

Fields: TypeAlias = Mapping[str, object]

_NOTHING: Fields = MappingProxyType({})
PART_BYTES = 4 * 2**20
# A cluster may first have to start a process for it, behind others' work.
_START_LIMIT_S = 180.0
_PING_LIMIT_S = 60.0
# Who cancels an evaluation does not wait for a node that hangs; it stops by itself.
_CLOSE_LIMIT_S = 8.0


class NodeLink:
    """One node from its opening to its loss or end.

    Attributes:
        name: of the node.
        report: what it said when it was opened.
        verified: how many verdicts it has given.
    """

    report: NodeReport

    def __init__(self, transport: Transport, place: NodePlace) -> None:
        self.name = place.name
        self.verified = 0
        self._transport = transport
        self._numbers = itertools.count()
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._farewells: set[asyncio.Task[object]] = set()

    async def open(self, recipe: Recipe, workers: int) -> None:
        """Have the node start what it needs; that takes minutes where it builds environments.

        Raises:
            NodeLostError: it does not answer.
            SandboxError: it cannot, and says why.
        """
        try:
            await asyncio.wait_for(self._ask(Ask.PING), _START_LIMIT_S)
        except TimeoutError as error:
            reason = f"no answer within {_START_LIMIT_S:g} s; are its processors taken by others?"
            raise NodeLostError(self.name, reason) from error
        asked = {"recipe": recipe_fields(recipe), "workers": workers}
        answer = await self._ask(Ask.OPEN, asked)
        if Answer.TARGETS in answer:
            answer = await self._send(Path(recipe.targets.path))
        self.report = read_report(mapping(answer[Answer.READY]))

    async def run(self, work: Work) -> Verdict:
        """Have a program run and judged.

        Raises:
            NodeLostError: there is no verdict, and no other will come from this node.
            SandboxError: there is no verdict.
        """
        number = next(self._numbers)
        try:
            answer = await self._ask_or_lose(Ask.RUN, {"number": number, "work": work_fields(work)})
        except asyncio.CancelledError:
            self._say(Ask.CANCEL, {"number": number})
            raise
        self.verified += 1
        return read_verdict(mapping(answer[Answer.VERDICT]))

    async def find_unimportable(self, problems: Iterable[Problem]) -> dict[str, str]:
        """Have the problems' imports tried.

        Raises:
            NodeLostError: the node does not answer.
            SandboxError: it cannot try them.
        """
        pairs = [[problem.problem_id, problem.dependencies] for problem in problems]
        answer = await self._ask_or_lose(Ask.IMPORTS, {"problems": pairs})
        missing = mapping(answer[Answer.MISSING])
        return {problem_id: text(reason) for problem_id, reason in missing.items()}

    async def ping(self) -> None:
        """Tell the node that its evaluator is there.

        Raises:
            NodeLostError: it does not answer.
        """
        try:
            await asyncio.wait_for(self._ask(Ask.PING), _PING_LIMIT_S)
        except TimeoutError as error:
            raise NodeLostError(self.name, f"no answer within {_PING_LIMIT_S:g} s") from error

    async def lose(self) -> None:
        """Give the node up: whoever waits for a verdict learns that none will come."""
        if not self._lost.done():
            self._lost.set_result(None)
            await self._transport.drop(self.name)

    async def close(self) -> None:
        """Have the node stop what it has started."""
        with suppress(NodeLostError, SandboxError, TimeoutError):
            await asyncio.wait_for(self._ask(Ask.CLOSE), _CLOSE_LIMIT_S)
        for task in self._farewells:
            task.cancel()
        await self._transport.drop(self.name)

    async def _send(self, targets: Path) -> Fields:
        """Send the targets in parts, and return what is answered to the last."""
        with targets.open("rb") as file:
            answer: Fields = {}
            offset = 0
            while part := await asyncio.to_thread(file.read, PART_BYTES):
                answer = await self._ask(Ask.RECEIVE, {"offset": offset}, part)
                offset += len(part)
        if Answer.READY not in answer:
            raise SandboxError(f"{targets} was cut while it was sent to {self.name}; start again")
        return answer

    async def _ask_or_lose(self, ask: Ask, fields: Fields) -> Fields:
        asking = asyncio.create_task(self._ask(ask, fields))
        try:
            await asyncio.wait({asking, self._lost}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
            raise NodeLostError(self.name, "it was given up")
        finally:
            asking.cancel()

    async def _ask(self, ask: Ask, fields: Fields = _NOTHING, attachment: bytes = b"") -> Fields:
        request = pack({"ask": ask.value, **fields})
        answer = unpack(await self._transport.ask(self.name, request, attachment))
        if Answer.CLOSED in answer:
            raise NodeLostError(self.name, "it was started anew")
        if Answer.ERROR in answer:
            raise SandboxError(f"{text(answer[Answer.ERROR])} (on node {self.name})")
        return answer

    def _say(self, ask: Ask, fields: Fields) -> None:
        """Ask without waiting for an answer."""
        task = asyncio.create_task(self._ask(ask, fields))
        self._farewells.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: "asyncio.Task[object]") -> None:
        self._farewells.discard(task)
        if not task.cancelled():
            task.exception()
