from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.core.ordering import natural_key


def test_problem_2_comes_before_problem_10() -> None:
    assert sorted(["10", "2", "1"], key=natural_key) == ["1", "2", "10"]


def test_step_10_2_comes_before_step_10_10() -> None:
    steps = ["10.10", "10.2", "9.11", "10.1"]
    assert sorted(steps, key=natural_key) == ["9.11", "10.1", "10.2", "10.10"]


def test_ids_with_text_sort_by_the_numbers_inside() -> None:
    ids = ["orbit-12", "orbit-3", "7", "heat-1"]
    assert sorted(ids, key=natural_key) == ["7", "heat-1", "orbit-3", "orbit-12"]


def test_leading_zeros_do_not_make_a_number_greater() -> None:
    assert sorted(["10", "009"], key=natural_key) == ["009", "10"]


def test_a_number_of_many_thousand_digits_is_no_obstacle() -> None:
    long = "9" * 10_000
    assert sorted([long, "2"], key=natural_key) == ["2", long]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(alphabet="0123.a٣é\n", max_size=6), unique=True))
def test_the_order_never_depends_on_the_order_before(ids: list[str]) -> None:
    backwards = ids[::-1]
    assert sorted(ids, key=natural_key) == sorted(backwards, key=natural_key)
