"""Values are written in few digits."""

import pytest

from tasks.core.json_value import JsonValue
from tasks.core.value_text import interval_text, value_text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (True, "yes"),
        (False, "no"),
        (3, "3"),
        (3.0, "3.0"),
        (0.76744, "0.7674"),
        (1234.56, "1234.6"),
        ("a <b>", "a <b>"),
        (["é", 1], '["é", 1]'),
    ],
)
def test_a_value_is_written_for_a_person(value: JsonValue, shown: str) -> None:
    assert value_text(value) == shown


def test_an_interval_has_two_ends_or_is_absent() -> None:
    assert interval_text([0.0625, 0.9375]) == "0.0625 to 0.9375"
    assert interval_text(None) == "–"
