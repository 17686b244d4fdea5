"""prompt -> generation: asks again and again until there is an answer, within limits.

Waiting grows exponentially, with jitter, and holds no place among the requests in flight. A request
that stays without an answer costs its attempt only, since others may get theirs. From then on until
the next answer every request is tried once: an endpoint that is gone is not waited for by each.
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
from tasks.request_gate import RequestGate
from tasks.stop_signal import StopSignal

_LONGEST_WAIT_S = 60.0
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
    last_s: float = 0.0

    def begin_try(self) -> None:
        self.last_s = time.monotonic()
        self.first_s = self.first_s or self.last_s
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
        self._given_up = False
        self._noted = False

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
                wait_s = max(error.retry_after_s, self._backoff_s(question.tries))
                if self._is_last(question, error, wait_s):
                    raise self._give_up(question, error) from error
            await self._stop.sleep(wait_s)

    async def _try(self, question: _Question) -> Generation:
        question.expected_tokens = question.request.expected_tokens
        async with self._gate.enter(question.expected_tokens):
            question.begin_try()
            generation = await self._client.ask(
                question.prompt, question.settings, f"{question.name}/{question.tries}"
            )
        self._gate.speed_up()
        self._heard, self._given_up, self._noted = True, False, False
        return generation

    def _take_in(self, question: _Question, error: TryAgainError) -> None:
        self.troubles[error.said] += 1
        self._heard = self._heard or error.trouble in (Trouble.BUSY, Trouble.FAILED)
        self._gate.correct_tokens(-question.expected_tokens)
        self._gate.pause(error.retry_after_s)
        if error.trouble is Trouble.BUSY:
            self._gate.slow_down(question.last_s)
        if question.tries == _TRIES_UNSAID and not self._noted:
            self._noted = True
            self._note(f"{error}; trying again for up to {self._patience.wait_s:g} s")

    def _backoff_s(self, tries: int) -> float:
        longest_s = min(_LONGEST_WAIT_S, self._patience.first_wait_s * 2 ** (tries - 1))
        # Half of it is chance, so that requests that failed together do not come back together.
        return longest_s * random.uniform(0.5, 1.0)  # noqa: S311 - no secret

    def _is_last(self, question: _Question, error: TryAgainError, wait_s: float) -> bool:
        most = self._patience.retries + 1
        if error.trouble is Trouble.ALIEN and not self._heard:
            most = min(most, _TRIES_OF_ALIENS)
        if self._given_up:
            most = 1
        waited_s = time.monotonic() - question.first_s + wait_s
        return question.tries >= most or waited_s > self._patience.wait_s

    def _give_up(self, question: _Question, error: TryAgainError) -> ProviderError:
        self._given_up = True
        spent_s = time.monotonic() - question.first_s
        times = "once" if question.tries == 1 else f"{question.tries} times in {spent_s:.0f} s"
        said = f"{error}, asked {times}; "
        if not self._heard:
            return ProviderError(
                f"{said}check the address and that it runs, then start the same command again"
            )
        return UnansweredError(f"{said}check that it runs and has capacity")
