"""metrics -> report: whether one run is better than another, paired by problem.

Both runs answer the same sub-steps, so what counts is the difference within each problem: how hard
the problems are cancels out, and the interval is far narrower than that of two separate scores.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from scipy.special import stdtrit

from tasks.core.errors import EvalError
from tasks.core.estimators import Interval
from tasks.core.listing import name_first
from tasks.core.ordering import natural_key

# Share of the repeats in which a sub-step passed, by problem and sub-step.
Passes: TypeAlias = Mapping[str, Mapping[str, float]]

# Relative size below which a variance is rounding noise rather than a spread between problems.
_NOISE = 1e-12
_MOST = 0.5


@dataclass(frozen=True, slots=True)
class Comparison:
    """How `subtask_accuracy` changed from one run to another.

    `interval` is that of the difference, None where the problems are too few to tell. `lost` and
    `gained` are the sub-steps that passed in most repeats of one run only.
    """

    difference: float
    interval: Interval | None
    lost: tuple[str, ...]
    gained: tuple[str, ...]

    def dropped(self, least: float) -> bool:
        """Whether this is a significant drop, of at least this much."""
        if self.interval is None:
            return False
        return self.interval[1] < 0 and self.difference <= -least


def compare_runs(before: Passes, after: Passes, significance: float) -> Comparison:
    """Compare two runs of the same sub-steps.

    With d the sum of a problem's differences, s its number of sub-steps, D = sum(d) / sum(s) the
    difference of the two scores and residuals e = d - D * s, the interval is D -/+ t * sqrt(var):

        var = n / (n - 1) * sum(e^2) / sum(s)^2

    with Student's t of n - 1 degrees of freedom: the linearised variance of a ratio, as
    `tasks.core.estimators` takes it for one score. Differences that are alike in all n problems
    show no variance. What is left then is their sign, which n problems share by chance with
    probability 2^(1 - n): above `significance` there is no interval, else it has no width.

    Args:
        before: the earlier run.
        after: the later one.
        significance: probability of calling no change a change, as in 0.05.

    Raises:
        EvalError: the runs do not hold the same sub-steps, or none.
    """
    check_pairs(before, after)
    problems = sorted((problem for problem in before if before[problem]), key=natural_key)
    sizes = [len(before[problem]) for problem in problems]
    differences = [_difference(before[problem], after[problem]) for problem in problems]
    total = sum(sizes)
    difference = math.fsum(differences) / total
    interval = _interval(differences, sizes, significance)
    return Comparison(difference, interval, _flips(before, after), _flips(after, before))


def check_pairs(before: Passes, after: Passes) -> None:
    """Refuse runs that cannot be paired.

    Raises:
        EvalError: the runs do not hold the same sub-steps, or none.
    """
    one, other = _steps(before), _steps(after)
    if not one and not other:
        raise EvalError("expected runs with scored sub-steps to compare, found none in both")
    if differing := sorted(one ^ other, key=natural_key):
        raise EvalError(
            f"expected two runs of the same sub-steps, found {len(differing)} in one of them only: "
            f"{name_first(differing)}; compare runs of one dataset with the same settings"
        )


def _steps(passes: Passes) -> set[str]:
    return {step for steps in passes.values() for step in steps}


def _difference(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    return math.fsum(after[step] - rate for step, rate in before.items())


def _interval(
    differences: Sequence[float], sizes: Sequence[int], significance: float
) -> Interval | None:
    n, total = len(differences), sum(sizes)
    if n < 2:
        return None
    difference = math.fsum(differences) / total
    pairs = zip(differences, sizes, strict=True)
    squares = math.fsum((d - difference * size) ** 2 for d, size in pairs)
    variance = n / (n - 1) * squares / total**2
    if variance <= _NOISE * difference**2:
        by_chance = 2.0 ** (1 - n)
        return None if difference and by_chance > significance else (difference, difference)
    half = float(stdtrit(n - 1, 1 - significance / 2)) * math.sqrt(variance)
    return difference - half, difference + half


def _flips(passing: Passes, failing: Passes) -> tuple[str, ...]:
    """Name the sub-steps that passed in most repeats of the one run and not of the other."""
    flipped = [
        step
        for problem, steps in passing.items()
        for step, rate in steps.items()
        if rate > _MOST >= failing[problem][step]
    ]
    return tuple(sorted(flipped, key=natural_key))
