"""program -> verdict: hands programs out to the nodes of a cluster, and again if a node is lost.

A node that is lost takes its programs' verdicts along, so each of these runs again elsewhere. A
program that has lost several nodes may be what ends them: then there is no verdict, and no further
node is risked. Nodes that come, or come back, are taken in while the evaluation runs.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

from tasks.cluster.agreement import choose_reference, find_difference
from tasks.cluster.node_link import NodeLink
from tasks.cluster.places import Places
from tasks.cluster.recipe import Recipe
from tasks.cluster.transport import NodeLostError, NodePlace, Transport
from tasks.core.errors import SandboxError
from tasks.core.records import Environment, Problem, Verdict
from tasks.runner import Work
from tasks.sandbox.layers import LevelReport, rank

T = TypeVar("T")

MOST_LOSSES = 2
MOST_OPENINGS = 3
_TEND_S = 15.0
_TEND_ALONE_S = 2.0
_PATIENCE_S = 180.0


class RemoteRunner:
    """Runs programs on all nodes of a cluster that can judge them; safe to call from many tasks."""

    def __init__(
        self,
        transport: Transport,
        recipe: Recipe,
        workers: int | None,
        announce: Callable[[str], None],
        patience_s: float = _PATIENCE_S,
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
        self._recipe = recipe
        self._workers = workers
        self._announce = announce
        self._patience_s = patience_s
        self._places: Places[NodeLink] = Places()
        self._links: list[NodeLink] = []
        self._verified = Counter[str]()
        self._refused: dict[str, str] = {}
        self._openings = Counter[str]()
        self._opening: dict[str, asyncio.Task[None]] = {}
        self._durations: dict[str, float] = {}
        self._woken = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Open the nodes.

        Raises:
            ConfigError: what the cluster takes is not installed.
            SandboxError: there is no cluster, or none of its nodes can be used.
        """
        await self._transport.connect()
        try:
            await self._open_first()
        except BaseException:
            await self._close()
            raise
        self._tending = asyncio.create_task(self._tend())
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
        return self._reference.environments

    @property
    def isolation(self) -> LevelReport:
        """The confinement that programs have, the weakest of all nodes', once entered."""
        return self._isolation

    @property
    def blas_core(self) -> str | None:
        """The processor that programs' OpenBLAS computes for, once entered."""
        return self._reference.blas_core

    @property
    def judge_libraries(self) -> tuple[str, ...]:
        """The versions of what compares, once entered."""
        return self._reference.judge_libraries

    async def run(self, work: Work) -> Verdict:
        """Run a program once, on whichever node is free.

        Raises:
            SandboxError: no verdict: a node could not do its work, or too many were lost.
        """
        known_s = self._durations.get(work.step_id, math.inf)
        verdict, name = await self._somewhere(
            lambda link: link.run(work), known_s, f"a program of sub-step {work.step_id}"
        )
        self._verified[name] += 1
        self._durations[work.step_id] = max(
            verdict.duration_s, self._durations.get(work.step_id, 0.0)
        )
        return verdict

    async def find_unimportable(self, problems: Iterable[Problem]) -> dict[str, str]:
        """Return the problems whose dependencies are missing in every environment, and why.

        One node is asked, as all of them have the same packages.
        """
        asked = tuple(problems)
        missing, _ = await self._somewhere(
            lambda link: link.find_unimportable(asked), math.inf, "the dependencies of problems"
        )
        return missing

    async def _somewhere(
        self, ask: Callable[[NodeLink], Awaitable[T]], known_s: float, what: str
    ) -> tuple[T, str]:
        """Ask a node that has a place free, and another one if it is lost meanwhile."""
        lost: list[str] = []
        while len(lost) < MOST_LOSSES:
            link = await self._places.take(known_s)
            try:
                return await ask(link), link.name
            except NodeLostError as error:
                lost.append(str(error))
                await self._lose(link, error)
            finally:
                self._places.give_back(link)
        raise SandboxError(
            f"expected a verdict on {what}, lost {len(lost)} nodes that were at it: "
            f"{'; '.join(lost)}; look into the cluster's logs, or verify it with --execution local"
        )

    async def _open_first(self) -> None:
        """Open all nodes that there are at the start, and use those that agree."""
        nodes = await self._transport.nodes()
        opened = await asyncio.gather(*map(self._open, nodes))
        links = {link.name: link for link in opened if link is not None}
        if not links:
            raise self._without_nodes("none of them can be used")
        self._reference = choose_reference({name: link.report for name, link in links.items()})
        self._isolation = self._reference.isolation
        for place in nodes:
            if place.name in links:
                await self._use(links[place.name], place)

    async def _open(self, place: NodePlace) -> NodeLink | None:
        """Open a node; refuse it if it says that it cannot do its work."""
        self._openings[place.name] += 1
        link = NodeLink(self._transport, place)
        try:
            await link.open(self._recipe, self._workers or place.cores)
        except NodeLostError as error:
            self._announce(f"node {error} could not be opened")
            if self._openings[place.name] >= MOST_OPENINGS:
                self._refused[place.name] = str(error)
            await link.lose()
            return None
        except (SandboxError, KeyError, TypeError, ValueError) as error:
            await self._refuse(link, str(error))
            return None
        except BaseException:
            await link.close()
            raise
        return link

    async def _use(self, link: NodeLink, place: NodePlace) -> None:
        """Give programs to a node from now on, if its verdicts are those of the others."""
        difference = find_difference(self._reference, link.report)
        if difference is not None:
            await self._refuse(link, difference)
            return
        workers = self._workers or place.cores
        report = link.report
        self._isolation = min(self._isolation, report.isolation, key=lambda r: rank(r.level))
        for step_id, known_s in report.durations_s.items():
            self._durations[step_id] = max(known_s, self._durations.get(step_id, 0.0))
        self._links.append(link)
        self._announce(f"node {link.name}: {workers} at once, {report.isolation}")
        self._places.add(link, workers)

    async def _refuse(self, link: NodeLink, why: str) -> None:
        self._refused[link.name] = why
        self._announce(f"node {link.name} is not used: {why}")
        await link.close()

    async def _lose(self, link: NodeLink, error: NodeLostError) -> None:
        """Give no more programs to a node; those that it has run elsewhere."""
        if link not in self._links:
            return
        self._links.remove(link)
        self._places.remove(link)
        self._announce(f"node {error} was lost; its programs run elsewhere")
        self._woken.set()
        await link.lose()

    async def _tend(self) -> None:
        """Keep nodes from thinking that nobody is there, and look for new ones."""
        loop = asyncio.get_running_loop()
        seen = loop.time()
        while True:
            await self._pause()
            await asyncio.gather(*map(self._ping, self._links))
            await self._take_in()
            if self._links or self._opening:
                seen = loop.time()
            elif loop.time() - seen > self._patience_s:
                self._places.close(self._without_nodes("all were lost"))
                return

    async def _pause(self) -> None:
        """Wait for the next round; what was lost just now is looked for a little later."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), _TEND_S if self._links else _TEND_ALONE_S)
            await asyncio.sleep(_TEND_ALONE_S)
        self._woken.clear()

    async def _ping(self, link: NodeLink) -> None:
        try:
            await link.ping()
        except NodeLostError as error:
            await self._lose(link, error)
        except SandboxError as error:
            self._announce(str(error))

    async def _take_in(self) -> None:
        """Open nodes that have come, or come back, beside what else happens."""
        try:
            nodes = await self._transport.nodes()
        except SandboxError as error:
            self._announce(str(error))
            return
        used = {link.name for link in self._links}
        for place in nodes:
            name = place.name
            if name in used or name in self._opening or name in self._refused:
                continue
            if self._openings[name] < MOST_OPENINGS:
                task = asyncio.create_task(self._open_later(place))
                self._opening[name] = task
                task.add_done_callback(lambda _, name=name: self._opening.pop(name, None))

    async def _open_later(self, place: NodePlace) -> None:
        link = await self._open(place)
        if link is not None:
            await self._use(link, place)

    def _without_nodes(self, why: str) -> SandboxError:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in self._refused.items())
        return SandboxError(
            f"expected nodes to verify on, {why}{f' ({reasons})' if reasons else ''}; "
            "mend or add nodes and start again: what is known already is not run again"
        )

    async def _close(self) -> None:
        opening = tuple(self._opening.values())
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
        links, self._links = self._links, []
        await asyncio.gather(*(link.close() for link in links))
        await self._transport.close()
