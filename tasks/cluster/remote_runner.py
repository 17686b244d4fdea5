"""program -> verdict: hands programs out to the nodes of a cluster, and again if a node is lost.

A node that is lost takes its programs' verdicts along, so each of these runs again elsewhere. A
program that has lost several nodes may be what ends them: then there is no verdict, and no further
node is risked.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import Self, TypeVar

from tasks.cluster.members import Members
from tasks.cluster.node_link import NodeLink
from tasks.cluster.recipe import Recipe
from tasks.cluster.transport import NodeLostError, Transport
from tasks.core.errors import SandboxError
from tasks.core.records import Environment, Problem, Verdict
from tasks.runner import Work
from tasks.sandbox.layers import LevelReport

T = TypeVar("T")

MOST_LOSSES = 2
PATIENCE_S = 180.0


class RemoteRunner:
    """Runs programs on all nodes of a cluster that can judge them; safe to call from many tasks."""

    def __init__(
        self,
        transport: Transport,
        recipe: Recipe,
        workers: int | None,
        announce: Callable[[str], None],
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Describe a runner; it starts when it is entered.

        Args:
            transport: reaches the cluster.
            recipe: what nodes need to know.
            workers: programs at once on each node; by default as many as it has processors.
            announce: gets a line for a person about each node that is used, refused or lost.
            patience_s: how long the evaluation waits for a node when it has none left.
        """
        self._transport = transport
        self._announce = announce
        self._members = Members(transport, recipe, workers, announce, patience_s)
        self._verified = Counter[str]()

    async def __aenter__(self) -> Self:
        """Open the nodes.

        Raises:
            ConfigError: what the cluster takes is not installed.
            SandboxError: there is no cluster, or none of its nodes can be used.
        """
        await self._transport.connect()
        try:
            await self._members.open()
        except BaseException:
            await self._close()
            raise
        self._tending = asyncio.create_task(self._members.tend())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop what was started on the nodes, and leave the cluster."""
        self._tending.cancel()
        await asyncio.gather(self._tending, return_exceptions=True)
        counts = ", ".join(f"{number} on {name}" for name, number in self._verified.items())
        self._announce(f"programs verified: {counts or 'none'}")
        await self._close()

    @property
    def environments(self) -> tuple[Environment, ...]:
        """Where programs run, once entered; the same on every node, but for the paths."""
        return self._members.reference.environments

    @property
    def isolation(self) -> LevelReport:
        """The confinement that programs have, the weakest of all nodes', once entered."""
        return self._members.isolation

    @property
    def blas_core(self) -> str | None:
        """The processor that programs' OpenBLAS computes for, once entered."""
        return self._members.reference.blas_core

    @property
    def judge_libraries(self) -> tuple[str, ...]:
        """The versions of what compares, once entered."""
        return self._members.reference.judge_libraries

    async def run(self, work: Work) -> Verdict:
        """Run a program once, on whichever node is free.

        Raises:
            SandboxError: no verdict: a node could not do its work, or too many were lost.
        """
        durations = self._members.durations_s
        known_s = durations.get(work.step_id, math.inf)
        what = f"a program of sub-step {work.step_id}"
        verdict, name = await self._ask(lambda link: link.run(work), known_s, what)
        self._verified[name] += 1
        durations[work.step_id] = max(verdict.duration_s, durations.get(work.step_id, 0.0))
        return verdict

    async def find_unimportable(self, problems: Iterable[Problem]) -> dict[str, str]:
        """Return the problems whose dependencies are missing in every environment, and why.

        One node is asked, as all of them have the same packages.
        """
        asked = tuple(problems)
        what = "the dependencies of problems"
        missing, _ = await self._ask(lambda link: link.find_unimportable(asked), math.inf, what)
        return missing

    async def _ask(
        self, ask: Callable[[NodeLink], Awaitable[T]], known_s: float, what: str
    ) -> tuple[T, str]:
        """Ask a node that has a place free, and another one if it is lost meanwhile."""
        lost: list[str] = []
        places = self._members.places
        while len(lost) < MOST_LOSSES:
            link = await places.take(known_s)
            try:
                return await ask(link), link.name
            except NodeLostError as error:
                lost.append(str(error))
                await self._members.lose(link, error)
            finally:
                places.give_back(link)
        raise SandboxError(
            f"expected a verdict on {what}, lost {len(lost)} nodes that were at it: "
            f"{'; '.join(lost)}; look into the cluster's logs, or verify it with --execution local"
        )

    async def _close(self) -> None:
        await self._members.close()
        await self._transport.close()
