"""The first failure reaches everybody, also those who sleep."""

import asyncio
import time

import pytest

from tasks.core.errors import ProviderError
from tasks.stop_signal import StopSignal


def test_the_first_error_is_raised_again_and_later_ones_are_passed_over() -> None:
    stop = StopSignal()
    stop.check()
    stop.set(ProviderError("first"))
    stop.set(ProviderError("second"))
    with pytest.raises(ProviderError, match="first"):
        stop.check()


def test_a_sleeper_wakes_with_the_error() -> None:
    async def sleep_until_stopped() -> float:
        stop = StopSignal()
        start = time.monotonic()
        asyncio.get_running_loop().call_later(0.05, stop.set, ProviderError("over"))
        with pytest.raises(ProviderError, match="over"):
            await stop.sleep(60)
        return time.monotonic() - start

    assert asyncio.run(sleep_until_stopped()) < 30


def test_a_sleep_that_nobody_ends_ends_by_itself() -> None:
    async def sleep() -> None:
        await StopSignal().sleep(0.01)
        await StopSignal().sleep(0)
        await StopSignal().sleep(-1)

    asyncio.run(sleep())


def test_no_sleep_begins_after_the_error() -> None:
    async def sleep() -> None:
        stop = StopSignal()
        stop.set(ProviderError("over"))
        with pytest.raises(ProviderError):
            await stop.sleep(60)

    asyncio.run(sleep())
