"""The budget lets requests through until a limit, and none after."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack

import pytest

from tasks.budget import Budget, Request
from tasks.core.errors import ConfigError, ProviderError, UnansweredError
from tasks.core.records import FinishReason, Generation, Usage
from tasks.core.spending import Price

PROMPT = "x" * 40  # 10 tokens
UNCOUNTED = (0, 0)


def answer(tokens: tuple[int, int], text: str = "", reasoning: str | None = None) -> Generation:
    return Generation(text, FinishReason.STOP, Usage(*tokens), 1.0, reasoning)


async def send(budget: Budget, *answers: Generation, prompt: str = PROMPT) -> None:
    """Send requests one after another."""
    for generation in answers:
        async with budget.request(prompt) as request:
            request.answered(generation)


class Traffic:
    """Requests that are begun together and answered when the test says so."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.sent: list[tuple[Request, asyncio.Future[Generation]]] = []
        self.refused = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self, number: int, most_output: int | None = None) -> int:
        """Begin requests; return how many are in flight in all."""
        for _ in range(number):
            self._tasks.append(asyncio.create_task(self._send(most_output)))
        await self._pause()
        return len(self.sent)

    async def end(self, number: int, result: Generation | Exception) -> int:
        """Answer the oldest ones, or have them fail; return how many are in flight then."""
        ended, self.sent = self.sent[:number], self.sent[number:]
        for _, coming in ended:
            if isinstance(result, Exception):
                coming.set_exception(result)
            else:
                coming.set_result(result)
        await self._pause()
        return len(self.sent)

    async def finish(self) -> None:
        """Nothing may be left waiting."""
        async with asyncio.timeout(5):
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send(self, most_output: int | None) -> None:
        try:
            async with self.budget.request(PROMPT, most_output) as request:
                coming: asyncio.Future[Generation] = asyncio.get_running_loop().create_future()
                self.sent.append((request, coming))
                request.answered(await coming)
        except UnansweredError:
            self.refused += 1

    @staticmethod
    async def _pause() -> None:
        """Let every task come as far as it can."""
        for _ in range(200):
            await asyncio.sleep(0)


def in_traffic(budget: Budget, story: Callable[[Traffic], Awaitable[None]]) -> Traffic:
    async def tell() -> Traffic:
        traffic = Traffic(budget)
        await story(traffic)
        await traffic.finish()
        return traffic

    return asyncio.run(tell())


def refusal(budget: Budget, prompt: str = PROMPT) -> str:
    with pytest.raises(UnansweredError) as caught:
        asyncio.run(send(budget, answer((1, 1)), prompt=prompt))
    return str(caught.value)


def test_requests_are_let_through_until_the_next_would_exceed_the_tokens() -> None:
    """Each takes 10 + 20; after three, 90 + 30 are 120, after four 150 would exceed 120."""
    budget = Budget(120, None, None)
    asyncio.run(send(budget, *[answer((10, 20))] * 4))
    assert not budget.exhausted
    assert refusal(budget) == (
        "the budget is used up (max_tokens_total 120): spent 120 tokens, and the next request is "
        "expected to take 30 tokens; all answers are kept and cost nothing again: start the same "
        "command with a higher limit to go on"
    )
    assert budget.exhausted
    assert budget.spent == Usage(40, 80)


def test_requests_are_let_through_until_the_next_would_exceed_the_cost() -> None:
    """100 000 x 1 + 200 000 x 2 are half a million millionths; the second reaches 1 exactly.

    The third is expected to read 10 and to write 200 000: 0.40001.
    """
    budget = Budget(None, 1.0, Price(1.0, 2.0))
    asyncio.run(send(budget, *[answer((100_000, 200_000))] * 2))
    message = refusal(budget)
    assert "(max_cost 1): spent 600000 tokens for 1, and" in message
    assert "to take 200010 tokens for 0.4;" in message


def test_either_limit_ends_the_run() -> None:
    price = Price(1.0, 1.0)
    for budget in (Budget(10, 1e9, price), Budget(10**9, 1e-5, price)):
        asyncio.run(send(budget, answer((5, 5))))
        assert "used up" in refusal(budget)


def test_without_a_limit_everything_is_let_through_at_once() -> None:
    async def story(traffic: Traffic) -> None:
        assert await traffic.begin(50) == 50
        await traffic.end(50, answer((10**9, 10**9)))

    assert in_traffic(Budget(None, None, None), story).refused == 0


def test_a_limit_of_cost_needs_a_price() -> None:
    with pytest.raises(ConfigError, match="max_cost 3: expected a price"):
        Budget(None, 3.0, None)


def test_once_used_up_it_stays_so_for_smaller_requests() -> None:
    budget = Budget(100, None, None)
    assert "expected to take 250 tokens" in refusal(budget, "x" * 1000)
    assert budget.spent == Usage(0, 0)
    assert "expected to take 250 tokens" in refusal(budget, "x")


def test_the_first_request_goes_alone_where_nothing_is_known_of_answers() -> None:
    """After 10 + 10 the others are expected to take 20 each: 20 + 4 x 20 are 100."""

    async def story(traffic: Traffic) -> None:
        assert await traffic.begin(8) == 1
        assert await traffic.end(1, answer((10, 10))) == 4
        await traffic.end(4, answer((10, 10)))

    traffic = in_traffic(Budget(100, None, None), story)
    assert traffic.budget.spent.total_tokens == 100
    assert traffic.refused == 3


def test_a_failed_or_refused_first_request_lets_the_next_one_go_alone() -> None:
    async def story(traffic: Traffic) -> None:
        assert await traffic.begin(3) == 1
        assert await traffic.end(1, ProviderError("no")) == 1
        overlong = Generation("", FinishReason.OVERLONG, Usage(0, 0), 0.1)
        assert await traffic.end(1, overlong) == 1
        await traffic.end(1, answer((10, 5)))

    assert in_traffic(Budget(1000, None, None), story).budget.spent == Usage(10, 5)


def test_before_any_answer_the_longest_one_is_expected() -> None:
    """10 + 40 each, so that two have room in 120; once one took 10 + 10, there are four more.

    20 spent and 20 for each in flight: five of them make 120.
    """

    async def story(traffic: Traffic) -> None:
        assert await traffic.begin(9, most_output=40) == 2
        assert await traffic.end(1, answer((10, 10))) == 5
        await traffic.end(5, answer((10, 10)))

    traffic = in_traffic(Budget(120, None, None), story)
    assert traffic.budget.spent.total_tokens == 120
    assert traffic.refused == 3


def test_no_more_is_expected_than_a_request_may_write() -> None:
    """After an answer of 90, ones of at most 5 take 10 + 5: 100 + 3 x 15 are 145 of 150."""

    async def story(traffic: Traffic) -> None:
        await traffic.begin(1)
        await traffic.end(1, answer((10, 90)))
        assert await traffic.begin(4, most_output=5) == 3
        await traffic.end(3, answer((10, 5)))

    in_traffic(Budget(150, None, None), story)


def test_the_limit_is_overshot_by_what_those_in_flight_take_beyond_the_mean() -> None:
    """20 spent, four in flight expected to take 20 each: 100. They take 10 + 50 each: 260.

    The overshoot is 4 x (50 - 10).
    """

    async def story(traffic: Traffic) -> None:
        await traffic.begin(6)
        assert len(traffic.sent) == 1
        assert await traffic.end(1, answer((10, 10))) == 4
        assert await traffic.end(4, answer((10, 50))) == 0

    traffic = in_traffic(Budget(100, None, None), story)
    assert traffic.budget.spent.total_tokens == 100 + 4 * (50 - 10)
    assert traffic.refused == 1


def test_where_the_longest_answer_is_known_nothing_is_overshot_before_the_first() -> None:
    """Two of 10 + 40 have room in 119, and take all they may."""

    async def story(traffic: Traffic) -> None:
        assert await traffic.begin(6, most_output=40) == 2
        await traffic.end(2, answer((10, 40)))

    traffic = in_traffic(Budget(119, None, None), story)
    assert traffic.budget.spent.total_tokens == 100
    assert traffic.refused == 4


def test_a_request_that_fails_spends_nothing_and_frees_its_room() -> None:
    async def story(traffic: Traffic) -> None:
        assert await traffic.begin(3, most_output=40) == 2
        assert await traffic.end(1, ProviderError("no")) == 2
        await traffic.end(2, answer((10, 40)))

    assert in_traffic(Budget(100, None, None), story).budget.spent.total_tokens == 100


def test_those_who_wait_are_refused_when_nothing_is_left() -> None:
    async def story(traffic: Traffic) -> None:
        assert await traffic.begin(20) == 1
        assert await traffic.end(1, answer((10, 95))) == 0
        assert traffic.refused == 19

    in_traffic(Budget(100, None, None), story)


def test_a_request_given_up_while_it_waits_holds_no_room() -> None:
    async def story() -> None:
        budget = Budget(1000, None, None)
        async with budget.request(PROMPT) as first:
            waiting = asyncio.create_task(send(budget, answer((10, 10))))
            next_one = asyncio.create_task(send(budget, answer((10, 10))))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            first.answered(answer((10, 10)))
        async with asyncio.timeout(5):
            await next_one
        assert budget.spent == Usage(20, 20)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("generation", "spent"),
    [
        (answer(UNCOUNTED, "y" * 100), Usage(10, 25)),
        # 60 characters of text and 44 of reasoning.
        (answer(UNCOUNTED, "y" * 60, "z" * 44), Usage(10, 26)),
        (answer((0, 7), "y" * 100), Usage(10, 7)),
        (answer((12, 0), ""), Usage(12, 0)),
        (Generation("", FinishReason.OVERLONG, Usage(0, 0), 0.1), Usage(0, 0)),
        (Generation("y" * 8, FinishReason.OVERLONG, Usage(90, 2), 0.1), Usage(90, 2)),
    ],
)
def test_what_the_endpoint_does_not_count_is_estimated(
    generation: Generation, spent: Usage
) -> None:
    budget = Budget(1000, None, None)
    asyncio.run(send(budget, generation))
    assert budget.spent == spent


def test_an_endpoint_without_usage_is_ended_by_the_limit_too() -> None:
    """Each is taken for 10 + 25 tokens: the third would make 105."""
    budget = Budget(100, None, None)
    asyncio.run(send(budget, *[answer(UNCOUNTED, "y" * 100)] * 2))
    assert "spent 70 tokens" in refusal(budget)


def test_an_answer_is_counted_once() -> None:
    async def story(answers: Iterable[Generation]) -> Usage:
        budget = Budget(1000, None, None)
        async with AsyncExitStack() as stack:
            request = await stack.enter_async_context(budget.request(PROMPT))
            for generation in answers:
                request.answered(generation)
        return budget.spent

    assert asyncio.run(story([answer((3, 4)), answer((3, 4))])) == Usage(3, 4)
