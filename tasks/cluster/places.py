"""Decides which node runs a program next: the one with the most free places, the longest first.

A program that is known to take long goes first, and an unknown one counts as long, so that none is
left to run alone at the end. What runs beside what within a node is for the node's own pool.
"""

import asyncio
import heapq
import itertools
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Node = TypeVar("Node", bound=Hashable)


@dataclass(order=True, slots=True)
class _Ticket(Generic[Node]):
    rank: tuple[float, int]
    turn: asyncio.Future[Node] = field(compare=False)


class Places(Generic[Node]):
    """The free places of all nodes, and the line before them."""

    def __init__(self) -> None:
        self._free: dict[Node, int] = {}
        self._waiting: list[_Ticket[Node]] = []
        self._numbers = itertools.count()
        self._closed: Exception | None = None

    def add(self, node: Node, number: int) -> None:
        """Add a node with so many places."""
        self._free[node] = number
        self._call()

    def remove(self, node: Node) -> None:
        """Give no place of a node any more."""
        self._free.pop(node, None)

    def close(self, reason: Exception) -> None:
        """Give no places any more, to nobody: whoever waits or comes gets this exception."""
        self._closed = reason
        for ticket in self._waiting:
            if not ticket.turn.done():
                ticket.turn.set_exception(reason)
        self._waiting.clear()

    async def take(self, duration_s: float) -> Node:
        """Wait for a place and return its node.

        Raises:
            Exception: what `close` was given.
        """
        if self._closed is not None:
            raise self._closed
        turn: asyncio.Future[Node] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, _Ticket((-duration_s, next(self._numbers)), turn))
        self._call()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.give_back(turn.result())
            raise

    def give_back(self, node: Node) -> None:
        """Free a place; nothing comes of it where the node was removed."""
        if node in self._free:
            self._free[node] += 1
            self._call()

    def _call(self) -> None:
        while self._waiting:
            if self._waiting[0].turn.done():
                heapq.heappop(self._waiting)
                continue
            node = max(self._free, key=self._free.__getitem__, default=None)
            if node is None or not self._free[node]:
                return
            self._free[node] -= 1
            heapq.heappop(self._waiting).turn.set_result(node)
