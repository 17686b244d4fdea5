"""prompt -> generation: keeps what the requests of one start of the command take within a limit.

What a request takes is known only after its answer. It is sent where all that is spent, what the
requests in flight are expected to take and what it is expected to take itself stay within the
limit. Where only those in flight are in the way, it waits for one of them to end. An answer from
the cache costs nothing and is no matter of the budget.

A request is expected to read one token for every four characters of its prompt. It is expected to
write the mean of the answers so far, or what it may write at most where that is less or where
nothing is answered yet. With neither known, one request goes alone and the others wait for it.

So the limit is overshot at most by what the requests in flight at the end take beyond what was
expected of them: in practice a few answers' deviation from the mean, at worst `concurrency` times
the longest answer. What a request used up at the endpoint before it failed is not known here.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tasks.core.errors import ConfigError, UnansweredError
from tasks.core.records import Generation, Usage
from tasks.core.spending import Price, estimate_tokens, is_turned_away


class Request:
    """A request that the budget lets through; it spends nothing until it is answered."""

    def __init__(self, budget: "Budget", prompt: str, most_output: int | None) -> None:
        """Note what is known before the answer."""
        self.input_tokens = estimate_tokens(prompt)
        self.most_output = most_output
        self._budget = budget

    @property
    def expected_tokens(self) -> int:
        """What it is expected to take, as far as that is known now."""
        return self._budget.expect(self).total_tokens

    def answered(self, generation: Generation) -> Usage:
        """Replace what was expected by what the endpoint counted, or else by an estimate of it."""
        usage = self._usage(generation)
        self._budget.settle(self, usage)
        return usage or Usage(0, 0)

    def _usage(self, generation: Generation) -> Usage | None:
        if is_turned_away(generation):
            return None
        written = estimate_tokens(generation.text + (generation.reasoning or ""))
        usage = generation.usage
        return Usage(usage.input_tokens or self.input_tokens, usage.output_tokens or written)


class Budget:
    """Lets requests through until a limit is reached and none after; for one event loop.

    `spent` is what the answers took, as the endpoint counted or else as estimated.
    """

    def __init__(self, max_tokens: int | None, max_cost: float | None, price: Price | None) -> None:
        """Take the limits; without any, every request is let through.

        Raises:
            ConfigError: there is a limit of cost and no price.
        """
        if max_cost is not None and price is None:
            raise ConfigError(f"max_cost {max_cost:g}: expected a price of the model, found none")
        self.spent = Usage(0, 0)
        self._max_tokens = max_tokens
        self._max_cost = max_cost
        self._price = price
        self._answers = 0
        self._in_flight: set[Request] = set()
        self._first_in_line = asyncio.Lock()
        self._settled = asyncio.Event()
        self._refusal: str | None = None

    @property
    def exhausted(self) -> bool:
        """Whether a request was refused; every later one is."""
        return self._refusal is not None

    @asynccontextmanager
    async def request(self, prompt: str, most_output: int | None = None) -> AsyncGenerator[Request]:
        """Hold room for one request, which is told its answer inside; without one it was free.

        Args:
            prompt: what is about to be sent.
            most_output: tokens that the model may write at most, where that is limited.

        Raises:
            UnansweredError: what is left does not suffice for it, or did not for an earlier one.
        """
        request = Request(self, prompt, most_output)
        # One at a time and in order: a short prompt must not slip past a long one that waits.
        async with self._first_in_line:
            while not self._has_room(request):
                self._settled.clear()
                await self._settled.wait()
            self._in_flight.add(request)
        try:
            yield request
        finally:
            self.settle(request, None)

    def settle(self, request: Request, usage: Usage | None) -> None:
        """Replace what was expected of a request by what it took, once; None if it took nothing."""
        if request not in self._in_flight:
            return
        self._in_flight.remove(request)
        if usage is not None:
            self.spent += usage
            self._answers += 1
        self._settled.set()

    def expect(self, request: Request) -> Usage:
        """Return what a request is expected to take; what nothing is known of counts as nothing."""
        return Usage(request.input_tokens, self._expected_output(request) or 0)

    def _has_room(self, request: Request) -> bool:
        self._refusal = self._refusal or self._refuse(request)
        if self._refusal is not None:
            raise UnansweredError(self._refusal)
        if not self._in_flight or not self._limited:
            return True
        together = (request, *self._in_flight)
        if any(self._expected_output(one) is None for one in together):
            return False
        return not self._exceeded(sum(map(self.expect, together), self.spent))

    @property
    def _limited(self) -> bool:
        return self._max_tokens is not None or self._max_cost is not None

    def _exceeded(self, usage: Usage) -> str | None:
        """Return the first limit that this would exceed, by name and value."""
        if self._max_tokens is not None and usage.total_tokens > self._max_tokens:
            return f"max_tokens_total {self._max_tokens}"
        if self._max_cost is not None and self._cost(usage) > self._max_cost:
            return f"max_cost {self._max_cost:g}"
        return None

    def _refuse(self, request: Request) -> str | None:
        """Say why a request cannot be sent even when it is the only one; None if it can."""
        expected = self.expect(request)
        limit = self._exceeded(self.spent + expected)
        if limit is None:
            return None
        return (
            f"the budget is used up ({limit}): spent {self._amount(self.spent)}, and the next "
            f"request is expected to take {self._amount(expected)}; all answers are kept and cost "
            "nothing again: start the same command with a higher limit to go on"
        )

    def _expected_output(self, request: Request) -> int | None:
        if not self._answers:
            return request.most_output
        mean = -(-self.spent.output_tokens // self._answers)
        return mean if request.most_output is None else min(mean, request.most_output)

    def _cost(self, usage: Usage) -> float:
        return 0.0 if self._price is None else self._price.cost(usage)

    def _amount(self, usage: Usage) -> str:
        tokens = f"{usage.total_tokens} tokens"
        return tokens if self._price is None else f"{tokens} for {self._cost(usage):.4g}"
