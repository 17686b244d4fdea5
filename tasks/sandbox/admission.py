"""Decides which job starts when: never more than there is room for, the longest first.

Room is a number of children and an amount of memory. Jobs that are known to take long go first, so
that none of them is left to run alone at the end; unknown ones count as long. The order is strict:
a big job at its turn is waited for, lest small ones keep it out for ever. Pools of one event loop
can share one admission, so that together they have no more children than there are cores.

What a job takes is learnt from programs that may mean harm, so it is bounded: see `revise`. And it
may be wrong, or not known yet: a job tells whether it had company, so that one that the system
killed for want of memory can be run again with `ALONE`.
"""

import asyncio
import heapq
import itertools
import math
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

# For a job that nothing is known of.
DEFAULT_PEAK_BYTES = 512 * 2**20


@dataclass(frozen=True, slots=True)
class Cost:
    """What a job has taken before: wall time, and memory in use at its peak."""

    duration_s: float
    peak_bytes: int


@dataclass(slots=True)
class Stay:
    """One job's time inside; `had_company` tells whether another was inside at any moment of it."""

    had_company: bool = False


ALONE = Cost(math.inf, sys.maxsize)
"""Of a job that is to have the machine for itself: more memory than there can be."""

_FORGETTING = 16


def revise(known: Cost | None, seen: Cost) -> Cost:
    """Learn from one more job of a kind: up at once, down by a sixteenth of the difference.

    Up at once, since too low a guess of memory costs jobs. Down at all, since one program that
    sleeps or fills memory must not slow its step for everybody after it: the excess is halved by
    every 11 ordinary jobs. What it can claim is bounded by its limits, as only jobs that were
    completed count.
    """
    if known is None:
        return seen
    excess_s = known.duration_s - seen.duration_s
    excess_bytes = known.peak_bytes - seen.peak_bytes
    lowered = Cost(
        known.duration_s - excess_s / _FORGETTING, known.peak_bytes - excess_bytes // _FORGETTING
    )
    return greater(seen, lowered)


def greater(one: Cost, other: Cost) -> Cost:
    """Plan for the worst of two."""
    return Cost(max(one.duration_s, other.duration_s), max(one.peak_bytes, other.peak_bytes))


@dataclass(order=True, slots=True)
class _Ticket:
    rank: tuple[float, int]
    memory_bytes: int = field(compare=False)
    turn: asyncio.Future[None] = field(compare=False)
    stay: Stay = field(compare=False)


class Admission:
    """A queue before a bounded number of places and a bounded memory."""

    def __init__(self, places: int, memory_bytes: int) -> None:
        self._places = places
        self._memory_bytes = memory_bytes
        self._inside: list[_Ticket] = []
        self._numbers = itertools.count()
        self._waiting: list[_Ticket] = []

    @asynccontextmanager
    async def admit(self, cost: Cost | None) -> AsyncGenerator[Stay]:
        """Wait for a place; a job that needs more memory than there is gets all of it, alone."""
        ticket = self._enter(cost)
        try:
            await ticket.turn
        except asyncio.CancelledError:
            if ticket.turn.done() and not ticket.turn.cancelled():
                self._leave(ticket)
            raise
        try:
            yield ticket.stay
        finally:
            self._leave(ticket)

    def _enter(self, cost: Cost | None) -> _Ticket:
        duration_s = float("inf") if cost is None else cost.duration_s
        peak_bytes = DEFAULT_PEAK_BYTES if cost is None else cost.peak_bytes
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ticket = _Ticket((-duration_s, next(self._numbers)), peak_bytes, turn, Stay())
        heapq.heappush(self._waiting, ticket)
        self._call()
        return ticket

    def _leave(self, ticket: _Ticket) -> None:
        self._inside.remove(ticket)
        self._memory_bytes += ticket.memory_bytes
        self._call()

    def _call(self) -> None:
        """Let in whoever is first, as long as there is room."""
        while self._waiting:
            first = self._waiting[0]
            if first.turn.cancelled():
                heapq.heappop(self._waiting)
                continue
            if not self._has_room(first):
                return
            heapq.heappop(self._waiting)
            self._inside.append(first)
            self._memory_bytes -= first.memory_bytes
            for ticket in self._inside:
                ticket.stay.had_company |= len(self._inside) > 1
            first.turn.set_result(None)

    def _has_room(self, ticket: _Ticket) -> bool:
        if not self._inside:
            return True
        return len(self._inside) < self._places and ticket.memory_bytes <= self._memory_bytes
