"""Restates the metrics of a run as published ones, which differ in what they divide by.

SciCode numbers are compared across reports that count 288, 291 or 338 sub-steps. A run is stated
under each of these protocols that it covers wholly and under none that it covers in part. Problem
files of other people use the same ids, so ids alone never identify a benchmark: the caller must
know which one it is, and the numbers of scored and given sub-steps must match.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from tasks.core.records import AttemptResult
from tasks.core.scoring import check_complete

DEV_IDS = frozenset(map(str, (1, 3, 4, 6, 7, 10, 19, 29, 38, 44, 47, 49, 51, 70, 78)))
ALL_IDS = frozenset(str(number) for number in range(1, 81))
TEST_IDS = ALL_IDS - DEV_IDS
# Sub-steps 13.6, 62.1 and 76.3.
TEST_GIVEN: Mapping[str, int] = {"13": 1, "62": 1, "76": 1}


class Benchmark(StrEnum):
    """A benchmark that published numbers exist for."""

    SCICODE = "scicode"
    VERIFIED = "verified"


@dataclass(frozen=True, slots=True)
class ProtocolScore:
    """One run under one published protocol; counts of passed and solved are means over repeats.

    `value` is `passed / steps`. `name` is problems/sub-steps, the protocol's two denominators.
    """

    name: str
    passed: float
    steps: int
    problems_solved: float
    problems: int
    value: float
    note: str


@dataclass(frozen=True, slots=True)
class _Protocol:
    benchmark: Benchmark
    problem_ids: frozenset[str]
    problems: int
    scored: int
    note: str
    given: Mapping[str, int] | None
    fails_given: bool = False


_TEST = _Protocol(
    Benchmark.SCICODE,
    TEST_IDS,
    problems=65,
    scored=288,
    note="test problems; given sub-steps are left out",
    given=TEST_GIVEN,
)
_PROTOCOLS = (
    _TEST,
    replace(
        _TEST,
        fails_given=True,
        note="test problems; the 3 given sub-steps count as failed, so at most 288 of 291 sub-steps"
        " pass and 62 of 65 problems are solved",
    ),
    replace(
        _TEST,
        problem_ids=ALL_IDS,
        problems=80,
        scored=338,
        note="dev and test problems; given sub-steps are left out",
    ),
    _Protocol(
        Benchmark.VERIFIED,
        TEST_IDS,
        problems=64,
        scored=287,
        note="SciCode-Verified problems; given sub-steps are left out",
        given=None,  # its own problem file decides which sub-steps are given
    ),
)


def published_scores(
    attempts: Sequence[AttemptResult],
    given: Mapping[str, int],
    *,
    restricted: bool,
    benchmark: Benchmark | None,
) -> tuple[ProtocolScore, ...]:
    """State a run under every published protocol that it covers.

    Args:
        attempts: The complete evaluation, all repeats of all problems.
        given: Number of given sub-steps by problem id; an absent problem has none.
        restricted: Whether scoring was restricted to sub-steps that have targets; then no
            published protocol is covered.
        benchmark: What the problems are known to be (by hash or name); None for any other
            problems, which no published protocol covers.

    Raises:
        EvalError: If the attempts are no complete evaluation.
    """
    check_complete(attempts)
    if restricted or benchmark is None:
        return ()
    served: list[ProtocolScore] = []
    for protocol in _PROTOCOLS:
        within = [a for a in attempts if a.problem_id in protocol.problem_ids]
        if protocol.benchmark == benchmark and _covers(within, given, protocol):
            served.append(_state(within, protocol))
    return tuple(served)


def _covers(
    attempts: Iterable[AttemptResult], given: Mapping[str, int], protocol: _Protocol
) -> bool:
    scored = {attempt.problem_id: len(attempt.steps) for attempt in attempts}
    if len(scored) != protocol.problems or sum(scored.values()) != protocol.scored:
        return False
    expected = protocol.given
    return expected is None or all(given.get(i, 0) == expected.get(i, 0) for i in scored)


def _state(attempts: Sequence[AttemptResult], protocol: _Protocol) -> ProtocolScore:
    repeats = len({attempt.repeat for attempt in attempts})
    failed = (protocol.given or {}) if protocol.fails_given else {}
    solved = sum(a.solved for a in attempts if a.problem_id not in failed)
    steps = protocol.scored + sum(failed.values())
    passed = sum(attempt.num_passed for attempt in attempts) / repeats
    return ProtocolScore(
        name=f"{protocol.problems}/{steps}",
        passed=passed,
        steps=steps,
        problems_solved=solved / repeats,
        problems=protocol.problems,
        value=passed / steps,
        note=protocol.note,
    )
