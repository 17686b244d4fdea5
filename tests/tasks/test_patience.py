"""A request is sent again until it is answered, at growing intervals and within limits."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import pytest

from tasks.budget import Budget
from tasks.chat import ChatClient
from tasks.core.errors import ProviderError, UnansweredError
from tasks.core.model_settings import EndpointSettings, ModelSettings
from tasks.core.records import Generation
from tasks.patience import Patience, PatientClient
from tasks.request_gate import RequestGate, RequestLimits
from tasks.stop_signal import StopSignal

if TYPE_CHECKING:
    from tests.conftest import Asked, FaultyEndpoint

T = TypeVar("T")

SETTINGS = ModelSettings("m", "checkpoint")
QUICK = Patience(retries=8, wait_s=60, first_wait_s=0.01)


@dataclass(slots=True)
class Asker:
    """A patient client of one endpoint; `said` holds what it noted."""

    endpoint: FaultyEndpoint
    patience: Patience = QUICK
    concurrency: int = 16
    timeout_s: float = 20.0
    stop: StopSignal = field(default_factory=StopSignal)
    said: list[str] = field(default_factory=list)
    troubles: Counter[str] = field(default_factory=Counter)

    def run(self, use: Callable[[PatientClient], Awaitable[T]]) -> T:
        async def work() -> T:
            client = ChatClient(EndpointSettings(self.endpoint.base_url, self.timeout_s), "")
            gate = RequestGate(RequestLimits(self.concurrency), self.stop)
            budget = Budget(None, None, None)
            patient = PatientClient(
                client, self.patience, gate, budget, self.stop, self.said.append
            )
            self.troubles = patient.troubles
            try:
                return await use(patient)
            finally:
                await client.aclose()

        return asyncio.run(work())


def ask(client: PatientClient, number: int = 1) -> Awaitable[Generation]:
    return client.ask(f"prompt {number}", SETTINGS, f"1.{number}/0/digest")


async def ask_all(client: PatientClient, count: int) -> list[Generation | BaseException]:
    numbers = range(1, count + 1)
    return await asyncio.gather(*(ask(client, n) for n in numbers), return_exceptions=True)


def tries_of(endpoint: FaultyEndpoint, number: int) -> list[Asked]:
    return [asked for asked in endpoint.record if asked.generation == (f"1.{number}", 0)]


def waits(record: list[Asked]) -> list[float]:
    """Return the seconds from the end of each request to the next."""
    return [after.came_s - (one.ended_s or 0.0) for one, after in itertools.pairwise(record)]


def test_the_wait_doubles_up_to_a_minute_and_half_of_it_is_chance() -> None:
    patience = Patience(first_wait_s=1.0)
    assert [patience.backoff_s(tries, 1.0) for tries in (1, 2, 3, 6)] == [1, 2, 4, 32]
    assert [patience.backoff_s(tries, 0.0) for tries in (1, 2, 3, 6)] == [0.5, 1, 2, 16]
    # 2 to the power of 6 is more than a minute.
    assert patience.backoff_s(7, 1.0) == 60
    assert patience.backoff_s(7, 0.5) == 45
    assert patience.backoff_s(5000, 0.0) == 30
    assert Patience(first_wait_s=0).backoff_s(5000, 1.0) == 0


def test_an_answer_after_failures_is_the_answer_and_the_waits_before_it_grow(
    faulty: FaultyEndpoint,
) -> None:
    faulty.plan = lambda asked: "503" if asked.tries < 5 else None
    asker = Asker(faulty, Patience(retries=4, wait_s=60, first_wait_s=0.08))
    assert asker.run(ask).text == "fine"
    waited = waits(faulty.record)
    # At least half of 0.08, 0.16, 0.32 and 0.64.
    assert len(waited) == 4
    assert all(w >= least for w, least in zip(waited, (0.04, 0.08, 0.16, 0.32), strict=True))
    assert asker.troubles == {"HTTP 503": 4}


def test_requests_that_failed_together_do_not_come_back_together(faulty: FaultyEndpoint) -> None:
    faulty.plan = lambda asked: "500" if asked.tries == 1 else None
    Asker(faulty, Patience(wait_s=60, first_wait_s=0.4)).run(lambda client: ask_all(client, 16))
    back = [asked.came_s for asked in faulty.record if asked.tries == 2]
    # 16 moments spread over 0.2 s: all within a fifth of it has a chance of about 16 x 0.2 ** 15.
    assert max(back) - min(back) > 0.04


def test_the_number_of_tries_has_a_ceiling(faulty: FaultyEndpoint) -> None:
    faulty.plan = lambda _: "503"
    with pytest.raises(UnansweredError, match=r"HTTP 503: fault 503\), asked 4 times in 0 s"):
        Asker(faulty, Patience(retries=3, wait_s=60, first_wait_s=0.01)).run(ask)
    assert len(faulty.record) == 4


def test_the_whole_time_has_a_ceiling(faulty: FaultyEndpoint) -> None:
    """The waits are at least 0.1, 0.2, 0.4 and 0.8: five tries never fit into a second."""
    faulty.plan = lambda _: "503"
    start_s = time.monotonic()
    with pytest.raises(UnansweredError, match="HTTP 503"):
        Asker(faulty, Patience(retries=99, wait_s=1, first_wait_s=0.2)).run(ask)
    assert 2 <= len(faulty.record) <= 4
    assert faulty.record[-1].came_s - start_s < 5


@pytest.mark.parametrize(
    ("fault", "least_s"), [("429 seconds", 1.0), ("429 date", 1.0), ("429 ms", 0.3)]
)
def test_nothing_is_sent_for_as_long_as_the_endpoint_asks(
    faulty: FaultyEndpoint, fault: str, least_s: float
) -> None:
    """Four requests are on their way when one is told to wait, and eight more are to follow."""
    faulty.delay_s = 0.1
    faulty.plan = lambda asked: fault if asked.name == "1.1/0/digest/1" else None
    results = Asker(faulty, concurrency=4).run(lambda client: ask_all(client, 12))
    assert all(isinstance(result, Generation) for result in results)
    refused = tries_of(faulty, 1)[0]
    assert refused.ended_s is not None
    later = [a.came_s - refused.ended_s for a in faulty.record if a.came_s > refused.came_s + 0.09]
    assert len(later) == 9
    assert min(later) >= least_s


def test_a_short_wait_is_kept_by_others_also_where_it_is_beyond_the_ceiling(
    faulty: FaultyEndpoint,
) -> None:
    """Half a second is all that 1.1 has; 1.2 has not been sent before."""
    faulty.plan = lambda asked: "429 seconds" if asked.generation[0] == "1.1" else None
    impatient = Patience(retries=8, wait_s=0.5, first_wait_s=0.01)
    asker = Asker(faulty, impatient, concurrency=1)
    lost, kept = asker.run(lambda client: ask_all(client, 2))
    assert isinstance(lost, UnansweredError)
    assert "asks to be left alone for 1 s" in str(lost)
    assert isinstance(kept, Generation)
    assert waits(faulty.record)[0] >= 1.0


def test_a_wait_beyond_the_ceiling_is_given_up_at_once_and_nobody_else_is_sent(
    faulty: FaultyEndpoint,
) -> None:
    faulty.plan = lambda _: "429 tomorrow"
    start_s = time.monotonic()
    asker = Asker(faulty, concurrency=2)
    results = asker.run(lambda client: ask_all(client, 50))
    assert time.monotonic() - start_s < 20
    assert {type(result) for result in results} == {UnansweredError}
    assert len(faulty.record) == 2
    assert "asks to be left alone for 86400 s" in str(results[0])
    assert "asks to be left alone for" in str(results[-1])


def test_after_giving_up_others_are_tried_once_until_the_next_answer(
    faulty: FaultyEndpoint,
) -> None:
    faulty.plan = lambda asked: "503" if asked.generation[0] in ("1.2", "1.3") else None

    async def use(client: PatientClient) -> None:
        await ask(client, 1)
        for number in (2, 3):
            with pytest.raises(UnansweredError):
                await ask(client, number)
        await ask(client, 4)
        faulty.plan = lambda asked: "503" if asked.tries == 1 else None
        await ask(client, 5)

    Asker(faulty, Patience(retries=2, wait_s=60, first_wait_s=0.01)).run(use)
    assert [len(tries_of(faulty, number)) for number in (1, 2, 3, 4, 5)] == [1, 3, 1, 1, 2]


def test_one_prompt_that_always_fails_leaves_the_others_their_tries(
    faulty: FaultyEndpoint,
) -> None:
    """1.2 is answered between the last two tries of 1.1; 1.3 fails once when 1.1 is given up."""

    def fail(asked: Asked) -> str | None:
        failing = asked.generation[0] == "1.1" or asked.name == "1.3/0/digest/1"
        return "500" if failing else None

    async def answer_another(client: PatientClient) -> None:
        while len(tries_of(faulty, 1)) < 3:  # noqa: ASYNC110 - the server runs in a thread
            await asyncio.sleep(0.005)
        await ask(client, 2)

    async def use(client: PatientClient) -> Generation:
        another = asyncio.create_task(answer_another(client))
        with pytest.raises(UnansweredError):
            await ask(client, 1)
        await another
        return await ask(client, 3)

    faulty.plan = fail
    assert Asker(faulty, Patience(retries=3, wait_s=60, first_wait_s=0.1)).run(use).text == "fine"
    assert [asked.generation[0] for asked in faulty.record][3:5] == ["1.2", "1.1"]


def test_what_never_was_an_api_is_asked_three_times(faulty: FaultyEndpoint) -> None:
    faulty.plan = lambda _: "page"
    with pytest.raises(ProviderError, match="often it ends with /v1") as caught:
        Asker(faulty).run(ask)
    assert not isinstance(caught.value, UnansweredError)
    assert "a web page (Bad gateway)" in str(caught.value)
    assert len(faulty.record) == 3


def test_a_page_from_what_is_an_api_is_tried_like_any_failure(faulty: FaultyEndpoint) -> None:
    faulty.plan = lambda asked: None if asked.generation[0] == "1.1" else "page"

    async def use(client: PatientClient) -> None:
        await ask(client, 1)
        await ask(client, 2)

    with pytest.raises(UnansweredError):
        Asker(faulty, Patience(retries=5, wait_s=60, first_wait_s=0.01)).run(use)
    assert len(tries_of(faulty, 2)) == 6


def test_requests_in_flight_fall_when_there_are_too_many_and_rise_again(
    faulty: FaultyEndpoint,
) -> None:
    """All of the first eight are too many; then there are 4, and 5 after 4 answers, and so on."""
    faulty.delay_s = 0.03
    faulty.plan = lambda _: "429" if len(faulty.record) <= 8 else None
    asker = Asker(faulty, Patience(wait_s=60, first_wait_s=0.05), concurrency=8)
    asker.run(lambda client: ask_all(client, 60))
    in_flight = [asked.in_flight for asked in faulty.record]
    assert max(in_flight[:8]) == 8
    assert max(in_flight[8:16]) <= 5
    # 4 + 5 + 6 + 7 answers bring it back to 8.
    assert max(in_flight[16:]) == 8
    assert asker.troubles == {"HTTP 429": 8}


def test_what_keeps_answers_away_is_said_once(faulty: FaultyEndpoint) -> None:
    faulty.plan = lambda asked: "503" if asked.tries <= 4 else None
    asker = Asker(faulty)
    asker.run(lambda client: ask_all(client, 5))
    assert len(asker.said) == 1
    assert "HTTP 503" in asker.said[0]
    assert asker.said[0].endswith("; trying again for up to 60 s")


def test_one_failure_is_not_talked_about(faulty: FaultyEndpoint) -> None:
    faulty.plan = lambda asked: "503" if asked.tries == 1 else None
    asker = Asker(faulty)
    asker.run(lambda client: ask_all(client, 5))
    assert asker.said == []


def test_who_waits_for_a_further_try_ends_with_the_evaluation(faulty: FaultyEndpoint) -> None:
    faulty.plan = lambda _: "503"
    asker = Asker(faulty, Patience(wait_s=600, first_wait_s=60))

    async def use(client: PatientClient) -> list[Generation | BaseException]:
        asking = asyncio.create_task(ask_all(client, 3))
        while asker.troubles["HTTP 503"] < 3:  # noqa: ASYNC110 - a counter has no event
            await asyncio.sleep(0.01)
        asker.stop.set(ProviderError("over"))
        return await asyncio.wait_for(asking, 10)

    assert [str(result) for result in asker.run(use)] == ["over"] * 3


@pytest.mark.parametrize("fault", ["silent", "headers only", "endless bytes"])
def test_an_answer_that_never_ends_is_a_try_that_failed(faulty: FaultyEndpoint, fault: str) -> None:
    """A byte now and then would keep a client waiting that only limits the time for each."""
    faulty.plan = lambda asked: fault if asked.tries == 1 else None
    asker = Asker(faulty, timeout_s=0.5)
    start_s = time.monotonic()
    assert asker.run(ask).text == "fine"
    assert time.monotonic() - start_s >= 0.5
    assert asker.troubles == {"timeout": 1}
