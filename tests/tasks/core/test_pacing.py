"""A pace lets amounts through evenly, and never more in a minute than its limit and one amount."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.pacing import Pace


def test_requests_at_once_are_spread_over_the_minute() -> None:
    # 120 a minute: one every half second.
    pace = Pace(120)
    assert [pace.reserve(1, now_s=100) for _ in range(4)] == [0, 0.5, 1, 1.5]


def test_time_that_nobody_used_is_not_saved_up() -> None:
    pace = Pace(60)
    assert pace.reserve(1, now_s=0) == 0
    assert [pace.reserve(1, now_s=500) for _ in range(2)] == [0, 1]


def test_an_amount_beyond_the_limit_passes_and_delays_the_next() -> None:
    # 3000 tokens at 1000 a minute take three minutes of the limit.
    pace = Pace(1000)
    assert pace.reserve(3000, now_s=0) == 0
    assert pace.reserve(10, now_s=60) == 120


def test_what_was_used_beyond_the_reserved_delays_the_next_and_what_was_not_brings_it_forward() -> (
    None
):
    pace = Pace(60)
    pace.reserve(10, now_s=0)
    pace.correct(5)
    assert pace.reserve(1, now_s=0) == 15
    # Free at 16 s; six amounts fewer make it 10 s.
    pace.correct(-6)
    assert pace.reserve(1, now_s=0) == 10


@given(
    st.lists(
        st.tuples(st.floats(0, 20), st.integers(1, 40)),
        min_size=1,
        max_size=60,
    )
)
def test_no_minute_holds_more_than_the_limit_and_one_amount(
    arrivals: list[tuple[float, int]],
) -> None:
    pace, now_s = Pace(100), 0.0
    starts: list[tuple[float, int]] = []
    for gap_s, amount in arrivals:
        now_s += gap_s
        starts.append((now_s + pace.reserve(amount, now_s), amount))
    largest = max(amount for _, amount in arrivals)
    for first_s, _ in starts:
        inside = [amount for start_s, amount in starts if first_s <= start_s < first_s + 59.999]
        assert sum(inside) <= 100 + largest


def test_reserving_never_goes_back_in_time() -> None:
    pace = Pace(60)
    pace.correct(-1000)
    assert pace.reserve(1, now_s=0) == 0
    assert pace.reserve(1, now_s=0) == pytest.approx(1)
