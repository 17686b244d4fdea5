import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.core.estimators import (
    Cluster,
    mean_interval,
    pass_at_k,
    ratio_interval,
    sample_deviation,
)

COUNTS = st.integers(min_value=0, max_value=20)
CLUSTERS = st.lists(
    st.tuples(COUNTS, COUNTS).map(lambda two: Cluster(min(two), max(1, *two))),
    min_size=1,
    max_size=30,
)


def width(clusters: list[Cluster]) -> float:
    low, high = ratio_interval(clusters)
    return high - low


def test_equal_clusters_give_the_interval_worked_out_by_hand() -> None:
    # R = 3/6, e = 0, 1, -1, var = 3/2 * 2/36 = 1/12, n_eff = (1/4) / (1/12) = 3.
    # t(0.975, 2) = 4.302653, c = t^2 / n_eff = 6.170940, centre = 1/2,
    # half = sqrt(c/4 + c^2/4) / (1 + c) = 3.326088 / 7.170940 = 0.463829.
    interval = ratio_interval([Cluster(1, 2), Cluster(2, 2), Cluster(0, 2)])
    assert interval == pytest.approx((0.036171, 0.963829), abs=1e-5)


def test_clusters_of_different_size_enter_by_their_residuals() -> None:
    # R = 3/5, e = -0.4, 0.4, var = 2 * 0.32 / 25 = 0.0256, n_eff = 0.24 / 0.0256 = 9.375,
    # less than the 10 observations of two repeats. t(0.975, 1) = 12.706205, c = 17.221077,
    # centre = (0.6 + c/2) / (1 + c) = 0.505488, half = 8.847284 / 18.221077 = 0.485552.
    interval = ratio_interval([Cluster(2, 4), Cluster(1, 1)], repeats=2)
    assert interval == pytest.approx((0.019936, 0.991040), abs=1e-5)


def test_the_effective_size_never_exceeds_the_real_one() -> None:
    # As above, but n_eff = 9.375 is cut to the 5 observations: c = 161.447638 / 5 = 32.289528,
    # centre = (0.6 + c/2) / (1 + c) = 0.503004, half = 16.383 / 33.289528 = 0.492137.
    interval = ratio_interval([Cluster(2, 4), Cluster(1, 1)])
    assert interval == pytest.approx((0.010867, 0.995141), abs=1e-5)


def test_a_perfect_score_of_four_problems_is_not_certain() -> None:
    # n_eff = 4, t(0.975, 3) = 3.182446, c = 10.127964 / 4 = 2.531991, low = 1 / (1 + c).
    low, high = ratio_interval([Cluster(n, n) for n in (1, 3, 5, 7)])
    assert (low, high) == (pytest.approx(0.283126, abs=1e-5), 1.0)


def test_a_score_of_zero_mirrors_a_perfect_one() -> None:
    low, high = ratio_interval([Cluster(0, n) for n in (1, 3, 5, 7)])
    assert (low, high) == (0.0, pytest.approx(0.716874, abs=1e-5))


def test_clusters_that_are_all_alike_count_once_each() -> None:
    # n_eff = 2, c = 161.447639 / 2 = 80.723819, centre = (1/3 + c/2) / (1 + c) = 0.497961,
    # half = 40.582757 / 81.723819 = 0.496584.
    interval = ratio_interval([Cluster(1, 3), Cluster(2, 6)])
    assert interval == pytest.approx((0.001376, 0.994545), abs=1e-5)


def test_rounding_noise_is_no_variance() -> None:
    # 22 * (30/44) is not exactly 15 in floats. As above, with centre = 41.043728 / 81.723819 =
    # 0.502225 and half = 40.578272 / 81.723819 = 0.496529.
    interval = ratio_interval([Cluster(15, 22), Cluster(15, 22)])
    assert interval == pytest.approx((0.005696, 0.998754), abs=1e-5)


def test_one_problem_says_nothing_about_others() -> None:
    assert ratio_interval([Cluster(3, 4)]) == (0.0, 1.0)


def test_clusters_without_observations_are_passed_over() -> None:
    clusters = [Cluster(1, 2), Cluster(2, 2), Cluster(0, 2)]
    assert ratio_interval([*clusters, Cluster(0, 0)]) == ratio_interval(clusters)


def test_no_observation_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one cluster"):
        ratio_interval([Cluster(0, 0)])


def test_a_part_larger_than_its_whole_is_refused() -> None:
    with pytest.raises(ValueError, match="part <= whole"):
        Cluster(2, 1)


@settings(deadline=None, max_examples=100)
@given(CLUSTERS)
def test_an_interval_contains_the_ratio_and_stays_within_0_and_1(clusters: list[Cluster]) -> None:
    low, high = ratio_interval(clusters)
    ratio = sum(c.part for c in clusters) / sum(c.whole for c in clusters)
    assert 0 <= low <= ratio <= high <= 1
    assert low < high


@settings(deadline=None, max_examples=100)
@given(CLUSTERS, st.randoms(use_true_random=False))
def test_an_interval_does_not_depend_on_the_order_of_clusters(clusters, random) -> None:
    shuffled = random.sample(clusters, len(clusters))
    assert ratio_interval(shuffled) == ratio_interval(clusters)


@settings(deadline=None, max_examples=100)
@given(CLUSTERS)
def test_twice_as_many_problems_narrow_the_interval(clusters: list[Cluster]) -> None:
    assert width(clusters * 2) < width(clusters)


@settings(deadline=None, max_examples=100)
@given(CLUSTERS, st.integers(2, 5))
def test_counting_each_repeat_again_never_widens_the_interval(clusters, times: int) -> None:
    copied = [Cluster(c.part * times, c.whole * times) for c in clusters]
    assert width(copied) <= width(clusters) + 1e-12


def test_the_interval_covers_the_true_ratio_nineteen_times_in_twenty() -> None:
    # 65 problems of 1 to 8 sub-steps whose difficulty is shared within a problem: Beta(1, 2),
    # so the true ratio is 1/3. Of 400 draws 380 are expected, with a deviation of 4.4.
    random = np.random.default_rng(7)
    covered = 0
    for _ in range(400):
        wholes = random.integers(1, 9, size=65)
        parts = random.binomial(wholes, random.beta(1, 2, size=65))
        low, high = ratio_interval(
            [Cluster(int(p), int(w)) for p, w in zip(parts, wholes, strict=True)]
        )
        covered += low <= 1 / 3 <= high
    assert covered >= 367


def test_a_mean_has_students_interval() -> None:
    # Mean 101, s = sqrt(2), t(0.975, 1) = 12.706205, half = t * sqrt(2) / sqrt(2).
    assert mean_interval([100, 102]) == pytest.approx((88.293795, 113.706205), abs=1e-5)


def test_the_lower_end_of_a_mean_of_counts_stops_at_zero() -> None:
    # Mean 4, s = 2, t(0.975, 2) = 4.302653, half = 4.302653 * 2 / sqrt(3) = 4.968275.
    assert mean_interval([2, 4, 6]) == pytest.approx((0, 8.968275), abs=1e-5)


def test_the_mean_of_one_problem_has_no_interval() -> None:
    assert mean_interval([3.0]) is None


def test_a_deviation_divides_by_one_less_than_the_count() -> None:
    # Squares about 5: 9, 1, 1, 9 make 20; 20 / 3 = 6.666667; its root is 2.581989.
    assert sample_deviation([2, 4, 6, 8]) == pytest.approx(2.581989, abs=1e-6)


def test_equal_values_have_no_deviation_at_all() -> None:
    # 0.1 added three times and divided by 3 is not 0.1.
    assert sample_deviation([0.1, 0.1, 0.1]) == 0.0


def test_one_value_has_no_deviation() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        sample_deviation([1.0])


@pytest.mark.parametrize(
    ("n", "c", "k", "expected"),
    [
        (5, 2, 2, 0.7),  # 1 - C(3,2) / C(5,2) = 1 - 3/10
        (5, 2, 1, 0.4),  # the share that passed
        (5, 4, 2, 1.0),  # of two tries one must be among the four
        (5, 0, 5, 0.0),
        (2000, 1, 1000, 0.5),  # the one that passed is in half of all draws
        (10**6, 1, 1, 1e-6),
    ],
)
def test_pass_at_k_counts_the_draws_with_a_pass(n: int, c: int, k: int, expected: float) -> None:
    assert pass_at_k(n, c, k) == expected


@pytest.mark.parametrize(("n", "c", "k"), [(3, 4, 1), (3, -1, 1), (3, 1, 0), (3, 1, 4)])
def test_pass_at_k_refuses_counts_that_cannot_be(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match=r"pass@k needs"):
        pass_at_k(n, c, k)
