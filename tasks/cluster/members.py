"""The nodes that verify for an evaluation: opens, compares, refuses, loses and finds them again.

A node that the cluster names is opened; one that says it cannot do its work, or would judge
otherwise than the others, is not used. One that is lost may come back, and new ones may come, while
the evaluation runs; so it looks for them, and gives up only after a while without any.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from tasks.cluster.agreement import choose_reference, find_difference
from tasks.cluster.messages import NodeReport
from tasks.cluster.node_link import NodeLink
from tasks.cluster.places import Places
from tasks.cluster.recipe import Recipe
from tasks.cluster.transport import NodeLostError, NodePlace, Transport
from tasks.core.errors import SandboxError
from tasks.sandbox.layers import LevelReport, rank

MOST_OPENINGS = 3
"""How often a node is opened: one that is lost time and again is left alone."""

_TEND_S = 15.0
_TEND_ALONE_S = 2.0


class Members:
    """The nodes in use, and the places for programs that they have.

    Attributes:
        places: where programs can run.
        reference: what the nodes agree in, once `open` has returned.
        isolation: the weakest confinement of all that have been in use.
        durations_s: what nodes know of how long sub-steps take.
    """

    reference: NodeReport
    isolation: LevelReport

    def __init__(
        self,
        transport: Transport,
        recipe: Recipe,
        workers: int | None,
        announce: Callable[[str], None],
        patience_s: float,
    ) -> None:
        self.places: Places[NodeLink] = Places()
        self.durations_s: dict[str, float] = {}
        self._transport = transport
        self._recipe = recipe
        self._workers = workers
        self._announce = announce
        self._patience_s = patience_s
        self._links: list[NodeLink] = []
        self._started: set[NodeLink] = set()
        self._refused: dict[str, str] = {}
        self._openings = Counter[str]()
        self._opening: dict[str, asyncio.Task[None]] = {}
        self._woken = asyncio.Event()

    async def open(self) -> None:
        """Open all nodes that there are at the start, and use those that agree.

        Raises:
            SandboxError: none of them can be used.
        """
        nodes = await self._transport.nodes()
        opened = await asyncio.gather(*map(self._open, nodes))
        links = {
            link.name: (link, place) for link, place in zip(opened, nodes, strict=True) if link
        }
        if not links:
            raise self._without_nodes("none can be used" if nodes else "the cluster has none")
        self.reference = choose_reference({name: link.report for name, (link, _) in links.items()})
        self.isolation = self.reference.isolation
        for link, place in links.values():
            await self._use(link, place)

    async def tend(self) -> None:
        """Tell nodes that somebody is there, and look for new ones, until there are none."""
        try:
            await self._tend()
            self.places.close(self._without_nodes("all were lost"))
        except Exception as error:
            # Nobody would notice that programs wait for ever.
            self.places.close(SandboxError(f"cannot look after the nodes: {error!r}; report it"))
            raise

    async def lose(self, link: NodeLink, error: NodeLostError) -> None:
        """Give no more programs to a node; those that it has run elsewhere."""
        if link not in self._links:
            return
        self._links.remove(link)
        self._started.discard(link)
        self.places.remove(link)
        self._announce(f"node {error} was lost; its programs run elsewhere")
        self._woken.set()
        await link.lose()

    async def close(self) -> None:
        """Have all nodes stop what they have started."""
        opening = tuple(self._opening.values())
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
        await asyncio.gather(*(link.close() for link in self._started))

    async def _tend(self) -> None:
        loop = asyncio.get_running_loop()
        seen = loop.time()
        while loop.time() - seen <= self._patience_s:
            await self._pause()
            await asyncio.gather(*map(self._ping, self._links))
            await self._take_in()
            if self._links or self._opening:
                seen = loop.time()

    async def _open(self, place: NodePlace) -> NodeLink | None:
        """Open a node; None if it is lost, or says that it cannot do its work."""
        self._openings[place.name] += 1
        link = NodeLink(self._transport, place)
        self._started.add(link)
        try:
            await link.open(self._recipe, self._workers or place.cores)
        except NodeLostError as error:
            self._announce(f"node {error} could not be opened")
            self._note_loss(place, error)
            self._started.discard(link)
            await link.lose()
            return None
        except (SandboxError, KeyError, TypeError, ValueError) as error:
            await self._refuse(link, str(error))
            return None
        return link

    async def _use(self, link: NodeLink, place: NodePlace) -> None:
        """Give programs to a node from now on, if its verdicts are those of the others."""
        report = link.report
        difference = find_difference(self.reference, report)
        if difference is not None:
            await self._refuse(link, difference)
            return
        workers = self._workers or place.cores
        self.isolation = min(self.isolation, report.isolation, key=lambda r: rank(r.level))
        for step_id, known_s in report.durations_s.items():
            self.durations_s[step_id] = max(known_s, self.durations_s.get(step_id, 0.0))
        self._links.append(link)
        self._announce(f"node {link.name}: {workers} at once, {report.isolation}")
        self.places.add(link, workers)

    async def _refuse(self, link: NodeLink, why: str) -> None:
        self._refused[link.name] = why
        self._announce(f"node {link.name} is not used: {why}")
        self._started.discard(link)
        await link.close()

    def _note_loss(self, place: NodePlace, error: NodeLostError) -> None:
        if self._openings[place.name] >= MOST_OPENINGS:
            self._refused[place.name] = str(error)

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
            await self.lose(link, error)
        except SandboxError as error:
            self._announce(str(error))

    async def _take_in(self) -> None:
        """Open nodes that have come, or come back, beside what else happens."""
        try:
            nodes = await self._transport.nodes()
        except SandboxError as error:
            self._announce(str(error))
            return
        known = {link.name for link in self._links} | self._opening.keys() | self._refused.keys()
        for place in nodes:
            if place.name not in known and self._openings[place.name] < MOST_OPENINGS:
                task = asyncio.create_task(self._open_later(place))
                self._opening[place.name] = task
                task.add_done_callback(lambda _, name=place.name: self._opening.pop(name, None))

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
