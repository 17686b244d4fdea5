"""prompt -> generation: lets requests through to one endpoint, no more and no faster than it takes.

Limits on requests in flight, on requests and on tokens a minute hold for all requests of an
evaluation together. An endpoint that says it has too many gets half as many at once, then one more
after each round of answers; while it asks to be left alone, nothing is sent.
"""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass

from anyio import CapacityLimiter

from tasks.core.pacing import Pace
from tasks.stop_signal import StopSignal

# One that asks for more than this gets its wait, but holds up no other request.
LONGEST_PAUSE_S = 120.0


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What an endpoint takes at most: requests in flight, requests and tokens a minute."""

    concurrency: int = 16
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None


class RequestGate:
    """Holds requests back until they may be sent, first come first served."""

    def __init__(
        self,
        limits: RequestLimits,
        stop: StopSignal,
        shared: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> None:
        """Take the limits; `shared` holds a slot that other evaluations want too."""
        self._most = limits.concurrency
        self._slots = CapacityLimiter(limits.concurrency)
        self._requests = _pace(limits.requests_per_minute)
        self._tokens = _pace(limits.tokens_per_minute)
        self._stop = stop
        self._shared = shared
        self._not_before_s = 0.0
        self._halved_s = 0.0
        self._answers = 0

    @asynccontextmanager
    async def enter(self, tokens: int) -> AsyncGenerator[None]:
        """Wait until a request may be sent that takes about so many tokens; leave when it ended."""
        visitor = object()
        await self._slots.acquire_on_behalf_of(visitor)
        try:
            await self._wait(tokens)
            async with self._shared():
                self._stop.check()
                yield
        finally:
            self._slots.release_on_behalf_of(visitor)

    def correct_tokens(self, tokens: int) -> None:
        """Add the tokens that a request took beyond what was expected."""
        if self._tokens is not None:
            self._tokens.correct(tokens)

    def pause(self, duration_s: float) -> None:
        """Send nothing for so long."""
        until_s = time.monotonic() + min(duration_s, LONGEST_PAUSE_S)
        self._not_before_s = max(self._not_before_s, until_s)

    def slow_down(self, began_s: float) -> None:
        """Send half as many at once, unless the request that was too many is older than that."""
        if began_s >= self._halved_s:
            self._halved_s = time.monotonic()
            self._slots.total_tokens = max(1, int(self._slots.total_tokens) // 2)
            self._answers = 0

    def speed_up(self) -> None:
        """Count an answer; a round of them allows one more at once."""
        self._answers += 1
        if self._answers >= self._slots.total_tokens:
            self._slots.total_tokens = min(self._most, int(self._slots.total_tokens) + 1)
            self._answers = 0

    async def _wait(self, tokens: int) -> None:
        now_s = time.monotonic()
        waits = [self._not_before_s - now_s]
        waits += [self._requests.reserve(1, now_s)] if self._requests else []
        waits += [self._tokens.reserve(tokens, now_s)] if self._tokens else []
        await self._stop.sleep(max(waits))
        # Somebody else may have been told to wait meanwhile, and again.
        while (left_s := self._not_before_s - time.monotonic()) > 0:
            await self._stop.sleep(left_s)


def _pace(per_minute: float | None) -> Pace | None:
    return None if per_minute is None else Pace(per_minute)
