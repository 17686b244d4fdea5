"""generation -> metrics: what the generations of a run took, in tokens, money and waiting.

A cached answer was paid for by an earlier start of the command: it counts in what the answers of a
run are worth, and never in what this start spent. An endpoint may leave out the usage: such a
generation adds nothing to the tokens and is counted, so that nobody takes the sums for whole.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from tasks.core.json_value import JsonValue
from tasks.core.ordering import natural_key
from tasks.core.records import Answered, FinishReason, Generation, StepKey, Usage
from tasks.core.remarks import Remark

_MILLION = 1_000_000
_CHARACTERS_PER_TOKEN = 4
_PERCENTILES = (50, 90, 99)
_OF_ONE_START = ("fresh", "cached", "latency_s")


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost, in any one currency."""

    input: float
    output: float

    def cost(self, usage: Usage) -> float:
        """Return what these tokens cost."""
        spent = usage.input_tokens * self.input + usage.output_tokens * self.output
        return spent / _MILLION


@dataclass(frozen=True, slots=True)
class Spent:
    """What one generation took.

    `latency_s` is the time from asking to the whole answer, for a `cached` one that of when it was
    asked. `counted` is False where the endpoint sent no token counts for what it wrote.
    """

    key: StepKey
    usage: Usage
    latency_s: float
    cached: bool
    counted: bool

    @classmethod
    def of(cls, key: StepKey, answered: Answered) -> Self:
        """Take what counts of an answer."""
        generation = answered.generation
        counted = generation.usage.total_tokens > 0 or is_turned_away(generation)
        return cls(key, generation.usage, generation.latency_s, answered.cached, counted)


def is_turned_away(generation: Generation) -> bool:
    """Whether the endpoint refused the prompt for its length: no token was read or written."""
    overlong = generation.finish_reason is FinishReason.OVERLONG
    return overlong and generation.usage.total_tokens == 0


def estimate_tokens(text: str) -> int:
    """Guess the tokens of a text from its length: four characters each, rounded up.

    English has about four; SciCode's problems and the answers to them have 3.5 to 3.6, so that
    they are taken for a tenth less than they are.
    """
    return -(-len(text) // _CHARACTERS_PER_TOKEN)


def usage_document(spent: Iterable[Spent], price: Price | None) -> dict[str, JsonValue]:
    """Return what a run, each of its problems and each of its sub-steps took, over all repeats.

    The keys are `run` (one entry), `problems` and `sub_steps` (entries by id, in natural order).
    An entry holds:

    - `generations`: how many answers there are; a prompt refused for its length is one too.
    - `input_tokens`, `output_tokens`: tokens of all answers.
    - `cost`: what all answers are worth, in the currency of the price; null without a price.
    - `without_usage`: answers without token counts; they add nothing to tokens and costs.
    - `fresh`: `generations`, `input_tokens`, `output_tokens` and `cost` of the answers that this
      start of the command asked for: what it spent.
    - `cached`: the same of the answers that were there already, with `cost_saved` for the cost:
      they cost nothing this time.
    - `latency_s`: `p50`, `p90`, `p99` and `max` in seconds over all answers; null where there are
      none. A percentile is by nearest rank: the least latency that at least that share of the
      answers does not exceed.
    """
    run = _Tally()
    problems: defaultdict[str, _Tally] = defaultdict(_Tally)
    sub_steps: defaultdict[str, _Tally] = defaultdict(_Tally)
    for one in spent:
        for tally in (run, problems[one.key.problem_id], sub_steps[one.key.step_id]):
            tally.add(one)
    return {
        "run": _entry(run, price),
        "problems": _entries(problems, price),
        "sub_steps": _entries(sub_steps, price),
    }


def lasting_usage(entry: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return what of an entry is the same in every start that takes up the same answers."""
    return {name: value for name, value in entry.items() if name not in _OF_ONE_START}


def usage_remark(spent: Collection[Spent]) -> Remark | None:
    """Say how many generations have no token counts; None where all have."""
    uncounted = sum(not one.counted for one in spent)
    if not uncounted:
        return None
    return Remark(
        "usage",
        f"{uncounted} of {len(spent)} generations came without token counts; token metrics are "
        "too low",
        {"without_usage": uncounted, "generations": len(spent)},
    )


@dataclass(slots=True)
class _Part:
    generations: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def add(self, usage: Usage) -> None:
        self.generations += 1
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens

    @property
    def usage(self) -> Usage:
        return Usage(self.input_tokens, self.output_tokens)


@dataclass(slots=True)
class _Tally:
    """Sums over some generations, and their latencies."""

    fresh: _Part = field(default_factory=_Part)
    cached: _Part = field(default_factory=_Part)
    without_usage: int = 0
    latencies: list[float] = field(default_factory=list[float])

    def add(self, one: Spent) -> None:
        (self.cached if one.cached else self.fresh).add(one.usage)
        self.without_usage += not one.counted
        self.latencies.append(one.latency_s)


def _entries(tallies: Mapping[str, _Tally], price: Price | None) -> dict[str, JsonValue]:
    return {name: _entry(tallies[name], price) for name in sorted(tallies, key=natural_key)}


def _entry(tally: _Tally, price: Price | None) -> dict[str, JsonValue]:
    fresh, cached = tally.fresh, tally.cached
    return {
        **_counts(fresh.generations + cached.generations, fresh.usage + cached.usage),
        "cost": _cost(fresh.usage + cached.usage, price),
        "without_usage": tally.without_usage,
        "fresh": {**_counts(fresh.generations, fresh.usage), "cost": _cost(fresh.usage, price)},
        "cached": {
            **_counts(cached.generations, cached.usage),
            "cost_saved": _cost(cached.usage, price),
        },
        "latency_s": _latency(sorted(tally.latencies)),
    }


def _counts(generations: int, usage: Usage) -> dict[str, JsonValue]:
    return {
        "generations": generations,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
    }


def _cost(usage: Usage, price: Price | None) -> float | None:
    return None if price is None else price.cost(usage)


def _latency(ascending: Sequence[float]) -> dict[str, JsonValue] | None:
    if not ascending:
        return None
    ranks = {f"p{percent}": -(-percent * len(ascending) // 100) for percent in _PERCENTILES}
    return {**{name: ascending[rank - 1] for name, rank in ranks.items()}, "max": ascending[-1]}
