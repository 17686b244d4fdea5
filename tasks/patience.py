"""prompt -> generation: asks again and again until there is an answer, within limits.

Waiting grows exponentially, with jitter, and holds no place among the requests in flight. A request
that stays without an answer costs its attempt only, since others may get theirs. If nobody else was
answered meanwhile, every request from then on until the next answer is tried once: an endpoint that
is gone is not waited for by each. One that asks to be left alone for longer than anybody has
patience for is sent nothing more.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tasks.budget import Budget, Request
from tasks.core.errors import ProviderError, Trouble, TryAgainError, UnansweredError
from tasks.core.model_settings import ModelSettings
from tasks.core.records import Generation
from tasks.core.request_fields import output_limit
from tasks.request_gate import LONGEST_PAUSE_S, RequestGate
from tasks.stop_signal import StopSignal

_LONGEST_WAIT_S = 60.0
# Enough of them to reach a minute from any wait that matters.
_DOUBLINGS = 64
# What was never seen to be an API will hardly become one.
_TRIES_OF_ALIENS = 3
# A trouble that passes at once is nothing to talk about.
_TRIES_UNSAID = 3


class OneTry(Protocol):
    """Asks an endpoint once."""

    async def ask(self, prompt: str, settings: ModelSettings, name: str) -> Generation:
        """Return the answer, or raise a ProviderError."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is sent again, and how long after its first try the last one may begin.

    `first_wait_s` is the first wait, which doubles each time, up to a minute.
    """

    retries: int = 8
    wait_s: float = 1800.0
    first_wait_s: float = 1.0

    def backoff_s(self, tries: int, chance: float) -> float:
        """Return how long to wait after so many tries; `chance` lies between 0 and 1."""
        longest_s = min(_LONGEST_WAIT_S, self.first_wait_s * 2.0 ** min(tries - 1, _DOUBLINGS))
        # Half of it is chance, so that requests that failed together do not come back together.
        return longest_s * (1 + chance) / 2


@dataclass(slots=True)
class _Question:
    """One request with all its tries."""

    prompt: str
    settings: ModelSettings
    name: str
    request: Request
    expected_tokens: int = 0
    tries: int = 0
    first_s: float = 0.0
    before_last_s: float = 0.0
    last_s: float = 0.0

    def begin_try(self) -> None:
        now_s = time.monotonic()
        self.first_s = self.first_s or now_s
        self.before_last_s = self.last_s or now_s
        self.last_s = now_s
        self.tries += 1


class PatientClient:
    """Asks one endpoint, patiently; many calls may be under way at once.

    `troubles` counts the tries that failed, by what happened.
    """

    def __init__(
        self,
        client: OneTry,
        patience: Patience,
        gate: RequestGate,
        budget: Budget,
        stop: StopSignal,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Take what is shared with others; `note` is told once when answers stay away."""
        self.troubles: Counter[str] = Counter()
        self._client = client
        self._note = note
        self._patience = patience
        self._gate = gate
        self._budget = budget
        self._stop = stop
        self._heard = False
        self._answered_s = 0.0
        self._given_up = False
        self._noted = False
        self._closed_until_s = 0.0
        self._closed_by = ""

    async def ask(self, prompt: str, settings: ModelSettings, name: str) -> Generation:
        """Ask until there is an answer; `name` goes with the request, for the endpoint's log.

        Raises:
            UnansweredError: all tries failed, and others may still be answered; or the budget is
                used up.
            ProviderError: the endpoint refused, or what is there is no endpoint.
        """
        async with self._budget.request(prompt, output_limit(settings)) as request:
            self._stop.check()
            question = _Question(prompt, settings, name, request)
            generation = await self._insist(question)
            took = request.answered(generation)
        self._gate.correct_tokens(took.total_tokens - question.expected_tokens)
        return generation

    async def _insist(self, question: _Question) -> Generation:
        while True:
            try:
                return await self._try(question)
            except TryAgainError as error:
                self._take_in(question, error)
                backoff_s = self._patience.backoff_s(question.tries, random.random())  # noqa: S311 - no secret
                wait_s = max(error.retry_after_s, backoff_s)
                if self._is_last(question, error, wait_s):
                    raise self._give_up(question, error) from error
            await self._stop.sleep(wait_s)

    async def _try(self, question: _Question) -> Generation:
        question.expected_tokens = question.request.expected_tokens
        async with self._gate.enter(question.expected_tokens):
            self._turn_away()
            question.begin_try()
            generation = await self._client.ask(
                question.prompt, question.settings, f"{question.name}/{question.tries}"
            )
        self._gate.speed_up()
        self._answered_s = time.monotonic()
        self._heard, self._given_up, self._noted = True, False, False
        return generation

    def _turn_away(self) -> None:
        left_s = self._closed_until_s - time.monotonic()
        if left_s > self._longest_s:
            raise UnansweredError(
                f"{self._closed_by}; it asks to be left alone for {left_s:.0f} s, which is more "
                f"than the {self._patience.wait_s:g} s in which a request is tried again"
            )

    @property
    def _longest_s(self) -> float:
        """The longest wait that others are held up by."""
        return max(self._patience.wait_s, LONGEST_PAUSE_S)

    def _take_in(self, question: _Question, error: TryAgainError) -> None:
        self.troubles[error.said] += 1
        self._heard = self._heard or error.trouble in (Trouble.BUSY, Trouble.FAILED)
        self._gate.correct_tokens(-question.expected_tokens)
        self._leave_alone(error)
        if error.trouble is Trouble.BUSY:
            self._gate.slow_down(question.last_s)
        if question.tries == _TRIES_UNSAID and not self._noted:
            self._noted = True
            self._note(f"{error}; trying again for up to {self._patience.wait_s:g} s")

    def _leave_alone(self, error: TryAgainError) -> None:
        if error.retry_after_s <= self._longest_s:
            self._gate.pause(error.retry_after_s)
            return
        self._closed_until_s = time.monotonic() + error.retry_after_s
        self._closed_by = str(error)

    def _is_last(self, question: _Question, error: TryAgainError, wait_s: float) -> bool:
        most = self._patience.retries + 1
        if error.trouble is Trouble.ALIEN and not self._heard:
            most = min(most, _TRIES_OF_ALIENS)
        if self._given_up:
            most = 1
        waited_s = time.monotonic() - question.first_s + wait_s
        return question.tries >= most or waited_s > self._patience.wait_s

    def _give_up(self, question: _Question, error: TryAgainError) -> ProviderError:
        self._given_up = self._answered_s < question.before_last_s
        spent_s = time.monotonic() - question.first_s
        times = "once" if question.tries == 1 else f"{question.tries} times in {spent_s:.0f} s"
        said = f"{error}, asked {times}; "
        if error.retry_after_s > self._patience.wait_s:
            said += f"it asks to be left alone for {error.retry_after_s:.0f} s; "
        if not self._heard:
            return ProviderError(
                f"{said}check the address and that it runs, then start the same command again"
            )
        return UnansweredError(f"{said}check that it runs and has capacity")
