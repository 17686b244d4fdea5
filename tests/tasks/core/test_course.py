"""A running evaluation says how far it is and how long the rest will take."""

import pytest

from tasks.core.course import Course, course_markdown, time_text

USAGE = {
    "input_tokens": 1500,
    "output_tokens": 20,
    "cost": None,
    "fresh": {"input_tokens": 1500, "output_tokens": 20, "cost": None},
    "cached": {"generations": 0},
    "latency_s": None,
}


def test_the_rest_takes_as_long_as_what_is_done() -> None:
    # 1 + 3 + 2 of 4 + 12 + 8: a quarter after 60 s leaves three quarters, 180 s.
    counts = {"problems": (1, 4), "generations": (3, 12), "verifications": (2, 8)}
    course = Course(counts, USAGE, 60.0)
    assert course.share == 0.25
    assert course.left_s == 180
    text = course_markdown(course)
    assert text.startswith("**25%** after 1 min 0 s, about 3 min 0 s left")
    assert "| generations | 3 | 12 |" in text
    assert "tokens: 1.5 k in, 20 out" in text


def test_nothing_is_foretold_at_the_start() -> None:
    course = Course({"problems": (0, 4)}, {}, 2.0)
    assert course.left_s is None
    assert course_markdown(course).startswith("**0%** after 2 s\n")


def test_an_evaluation_that_expects_nothing_yet_is_at_the_start() -> None:
    assert Course({"problems": (0, 0)}, {}, 1.0).share == 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (61, "1 min 1 s"), (7260, "2 h 1 min")]
)
def test_times_have_two_units(seconds: float, text: str) -> None:
    assert time_text(seconds) == text
