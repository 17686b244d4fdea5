"""How sure a metric is: 95 % intervals that treat the problems as the sample, and pass@k.

The sub-steps of a problem build on one another and the repeats of a problem share its difficulty,
so neither is an independent observation; the problem is. Everything that belongs to one problem
forms one cluster. Sums are exact (`math.fsum`), so no result depends on the order of the clusters.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from scipy.special import stdtrit

Interval: TypeAlias = tuple[float, float]

_UPPER_TAIL = 0.975
# Relative size below which a variance is rounding noise rather than a spread between clusters.
_NOISE = 1e-12


@dataclass(frozen=True, slots=True)
class Cluster:
    """What one problem adds to a ratio: `part` out of `whole`, with 0 <= part <= whole."""

    part: float
    whole: float

    def __post_init__(self) -> None:
        if not 0 <= self.part <= self.whole:
            raise ValueError(f"a cluster needs 0 <= part <= whole, found {self.part}, {self.whole}")


def ratio_interval(clusters: Sequence[Cluster], *, repeats: int = 1) -> Interval:
    """Return the 95 % interval of a ratio of sums, R = sum(part) / sum(whole).

    With n clusters, S = sum(whole) and residuals e = part - R * whole, the linearised variance is

        var = n / (n - 1) * sum(e^2) / S^2

    (W. G. Cochran, Sampling Techniques, 3rd ed. 1977, chapter 6, with the small-sample factor).
    It gives the size of a simple random sample that would be as informative, n_eff = R (1 - R) /
    var, and that enters Wilson's score interval (E. B. Wilson 1927, JASA 22) with Student's t of
    n - 1 degrees of freedom in place of the normal quantile. The effective sample size, at most
    the real one, follows E. L. Korn and B. I. Graubard (1998), Survey Methodology 24, who put it
    into the Clopper-Pearson interval; with Wilson's, see N. Dean and M. Pagano (2015), Journal of
    Survey Statistics and Methodology 3.

    Clusters that are all alike (R = 0 and R = 1 among them) show no variance; each then counts as
    one observation, n_eff = n, so the width is never zero. A single cluster says nothing about
    other problems: the interval is (0, 1).

    Args:
        clusters: One for each problem; those without a `whole` are passed over.
        repeats: Observations behind each unit of `whole`, where `part` is a mean over repeats.

    Raises:
        ValueError: If no cluster has a positive `whole`.
    """
    observed = [cluster for cluster in clusters if cluster.whole > 0]
    if not observed:
        raise ValueError("an interval needs at least one cluster with a positive whole, found none")
    if len(observed) == 1:
        return 0.0, 1.0
    whole = math.fsum(cluster.whole for cluster in observed)
    ratio = math.fsum(cluster.part for cluster in observed) / whole
    size = min(_effective_size(observed, ratio, whole), whole * repeats)
    return _wilson(ratio, size, _student(len(observed)))


def mean_interval(values: Sequence[float]) -> Interval | None:
    """Return the 95 % interval of the mean of counts, one value per problem.

    mean -/+ t * s / sqrt(n), with the sample standard deviation s and Student's t of n - 1 degrees
    of freedom (W. S. Gosset 1908, Biometrika 6). Counts are never negative, so the lower end stops
    at 0. None with fewer than two values, which have no spread.
    """
    if len(values) < 2:
        return None
    mean = math.fsum(values) / len(values)
    half = _student(len(values)) * sample_deviation(values) / math.sqrt(len(values))
    return max(0.0, mean - half), mean + half


def sample_deviation(values: Sequence[float]) -> float:
    """Return the sample standard deviation (ddof 1) of at least two values."""
    if len(values) < 2:
        raise ValueError(f"a standard deviation needs at least 2 values, found {len(values)}")
    if min(values) == max(values):
        # The rounded mean of equal values may differ from them.
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def pass_at_k(n: int, c: int, k: int) -> float:
    """Return the unbiased estimate that at least one of k tries passes, when c of n passed.

    1 - C(n - c, k) / C(n, k) (M. Chen et al. 2021, arXiv:2107.03374). Taken as a quotient of whole
    numbers, which Python rounds once, so neither overflow nor cancellation occurs.
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"pass@k needs 0 <= c <= n and 1 <= k <= n, found n={n}, c={c}, k={k}")
    draws = math.comb(n, k)
    return (draws - math.comb(n - c, k)) / draws


def _effective_size(clusters: Sequence[Cluster], ratio: float, whole: float) -> float:
    n = len(clusters)
    spread = ratio * (1.0 - ratio)
    squares = math.fsum((cluster.part - ratio * cluster.whole) ** 2 for cluster in clusters)
    variance = n / (n - 1) * squares / whole**2
    if spread <= 0.0 or variance <= _NOISE * spread:
        return float(n)
    return spread / variance


def _wilson(ratio: float, size: float, quantile: float) -> Interval:
    correction = quantile**2 / size
    centre = (ratio + correction / 2) / (1 + correction)
    half = math.sqrt(ratio * (1 - ratio) * correction + correction**2 / 4) / (1 + correction)
    # The exact interval contains the ratio and stays within 0 and 1; rounding may not.
    return min(max(0.0, centre - half), ratio), max(min(1.0, centre + half), ratio)


def _student(n: int) -> float:
    return float(stdtrit(n - 1, _UPPER_TAIL))
