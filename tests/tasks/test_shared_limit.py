"""Evaluations that share an endpoint share its limit, which the Prefect server keeps."""

import asyncio

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate

from tasks.core.errors import ConfigError
from tasks.request_gate import RequestGate, RequestLimits
from tasks.shared_limit import share_limit
from tasks.stop_signal import StopSignal


async def make_limit(name: str, limit: int) -> None:
    async with get_client() as client:
        await client.create_global_concurrency_limit(
            GlobalConcurrencyLimitCreate(name=name, limit=limit)
        )


def test_two_evaluations_together_keep_to_the_limit(prefect_api: str) -> None:
    del prefect_api
    inside, most = 0, 0

    async def visit(gate: RequestGate) -> None:
        nonlocal inside, most
        async with gate.enter(0):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.05)
            inside -= 1

    async def run() -> None:
        await make_limit("shared-endpoint", 2)
        gates = [
            RequestGate(RequestLimits(4), StopSignal(), await share_limit("shared-endpoint"))
            for _ in range(2)
        ]
        await asyncio.gather(*(visit(gate) for gate in gates for _ in range(3)))

    asyncio.run(run())
    assert most == 2


def test_without_a_name_there_is_no_limit() -> None:
    async def run() -> None:
        shared = await share_limit(None)
        async with shared(), shared():
            pass

    asyncio.run(run())


def test_a_limit_that_nobody_made_is_refused(prefect_api: str) -> None:
    del prefect_api
    with pytest.raises(ConfigError, match="prefect gcl create no-such --limit N"):
        asyncio.run(share_limit("no-such"))


def test_a_limit_of_nothing_is_refused(prefect_api: str) -> None:
    del prefect_api

    async def run() -> None:
        await make_limit("closed", 0)
        await share_limit("closed")

    with pytest.raises(ConfigError, match="found it with limit 0"):
        asyncio.run(run())
