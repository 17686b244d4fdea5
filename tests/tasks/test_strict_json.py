"""What we would not have written is refused."""

import json

import pytest

from tasks.strict_json import count, duration_s, mapping, text, texts


def test_values_of_the_right_kind_pass() -> None:
    assert mapping({"a": 1}) == {"a": 1}
    assert text("") == ""
    assert texts(["a", "b"]) == ("a", "b")
    assert count(0) == 0
    assert duration_s(2) == 2.0


@pytest.mark.parametrize("value", [None, [], "x", 1])
def test_only_an_object_is_a_mapping(value: object) -> None:
    with pytest.raises(TypeError):
        mapping(value)


@pytest.mark.parametrize("value", [None, 1, ["x"]])
def test_only_a_string_is_text(value: object) -> None:
    with pytest.raises(TypeError):
        text(value)


@pytest.mark.parametrize("value", ["ab", None, ["a", 1]])
def test_only_an_array_of_strings_is_texts(value: object) -> None:
    with pytest.raises(TypeError):
        texts(value)


@pytest.mark.parametrize("value", [-1, 1.0, True, "1", None])
def test_only_a_whole_number_from_zero_on_is_a_count(value: object) -> None:
    with pytest.raises(TypeError):
        count(value)


@pytest.mark.parametrize("value", [True, "1", None, -0.5, *json.loads("[NaN, Infinity]")])
def test_only_a_finite_number_from_zero_on_is_a_duration(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        duration_s(value)
