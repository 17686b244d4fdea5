"""Requests pass the gate no more and no faster than the endpoint takes them."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from tasks.core.errors import ProviderError
from tasks.request_gate import RequestGate, RequestLimits
from tasks.stop_signal import StopSignal


class Visits:
    """Goes through a gate, and notes how many are inside at once."""

    def __init__(self, gate: RequestGate) -> None:
        self.gate = gate
        self.inside = 0
        self.most = 0
        self.order: list[int] = []

    async def visit(self, number: int, tokens: int = 0) -> None:
        async with self.gate.enter(tokens):
            self.order.append(number)
            self.inside += 1
            self.most = max(self.most, self.inside)
            await asyncio.sleep(0.002)
            self.inside -= 1

    async def visit_all(self, count: int) -> None:
        self.most = 0
        await asyncio.gather(*(self.visit(number) for number in range(count)))


def test_no_more_are_inside_than_allowed_and_they_come_in_order() -> None:
    async def run() -> Visits:
        visits = Visits(RequestGate(RequestLimits(3), StopSignal()))
        await visits.visit_all(20)
        return visits

    visits = asyncio.run(run())
    assert visits.most == 3
    assert visits.order == list(range(20))


def test_an_endpoint_that_has_too_many_gets_half_and_then_one_more_a_round() -> None:
    async def run() -> list[int]:
        gate = RequestGate(RequestLimits(8), StopSignal())
        visits, most = Visits(gate), list[int]()
        began_s = time.monotonic()
        gate.slow_down(began_s)
        # Seven more of the same moment say nothing new.
        for _ in range(7):
            gate.slow_down(began_s)
        await visits.visit_all(20)
        most.append(visits.most)
        for _ in range(4):
            gate.speed_up()
        await visits.visit_all(20)
        most.append(visits.most)
        # 5 + 6 + 7 answers bring it back to eight, and no number of them beyond.
        for _ in range(1000):
            gate.speed_up()
        await visits.visit_all(20)
        return [*most, visits.most]

    assert asyncio.run(run()) == [4, 5, 8]


def test_one_is_always_allowed() -> None:
    async def run() -> int:
        gate = RequestGate(RequestLimits(2), StopSignal())
        for _ in range(5):
            gate.slow_down(time.monotonic())
        visits = Visits(gate)
        await visits.visit_all(4)
        return visits.most

    assert asyncio.run(run()) == 1


def test_nobody_passes_while_the_endpoint_asks_to_be_left_alone() -> None:
    async def run() -> float:
        gate = RequestGate(RequestLimits(4), StopSignal())
        start = time.monotonic()
        gate.pause(0.1)
        gate.pause(0.01)
        await Visits(gate).visit_all(2)
        return time.monotonic() - start

    assert asyncio.run(run()) >= 0.1


def test_requests_and_tokens_are_spread_over_the_minute() -> None:
    """At 1200 requests or 12000 tokens a minute, 6 requests of 10 tokens each start 50 ms apart."""

    async def run(limits: RequestLimits) -> float:
        visits = Visits(RequestGate(limits, StopSignal()))
        start = time.monotonic()
        await asyncio.gather(*(visits.visit(number, tokens=10) for number in range(6)))
        return time.monotonic() - start

    assert asyncio.run(run(RequestLimits(16, requests_per_minute=1200))) >= 0.25
    assert asyncio.run(run(RequestLimits(16, tokens_per_minute=12000))) >= 0.25


def test_tokens_that_came_unexpected_hold_back_the_next() -> None:
    async def run() -> float:
        gate = RequestGate(RequestLimits(16, tokens_per_minute=6000), StopSignal())
        visits = Visits(gate)
        await visits.visit(0, tokens=0)
        gate.correct_tokens(20)
        start = time.monotonic()
        await visits.visit(1)
        return time.monotonic() - start

    # 20 tokens at 100 a second.
    assert asyncio.run(run()) >= 0.19


def test_who_waits_is_turned_away_when_the_evaluation_ends() -> None:
    async def run() -> int:
        stop = StopSignal()
        gate = RequestGate(RequestLimits(1), stop)
        gate.pause(60)
        waiting = [asyncio.create_task(Visits(gate).visit(n)) for n in range(3)]
        await asyncio.sleep(0.01)
        stop.set(ProviderError("over"))
        results = await asyncio.gather(*waiting, return_exceptions=True)
        return sum(isinstance(result, ProviderError) for result in results)

    assert asyncio.run(run()) == 3


def test_one_who_gives_up_waiting_leaves_no_place_taken() -> None:
    async def run() -> int:
        gate = RequestGate(RequestLimits(1), StopSignal())
        visits = Visits(gate)
        async with gate.enter(0):
            waiting = asyncio.create_task(visits.visit(0))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        await visits.visit_all(3)
        return visits.most

    assert asyncio.run(run()) == 1


def test_a_limit_shared_with_others_is_held_while_inside() -> None:
    held: list[int] = []

    @asynccontextmanager
    async def shared() -> AsyncGenerator[None]:
        held.append(1)
        yield
        held.append(-1)

    async def run() -> None:
        gate = RequestGate(RequestLimits(4), StopSignal(), shared)
        async with gate.enter(0):
            assert sum(held) == 1
        with pytest.raises(ZeroDivisionError):
            await fail(gate)

    async def fail(gate: RequestGate) -> None:
        async with gate.enter(0):
            raise ZeroDivisionError

    asyncio.run(run())
    assert held[:2] == [1, -1]
