"""A value of another shape counts as absent."""

import pytest

from tasks.core.loose_json import content_text, count, fields, items


@pytest.mark.parametrize("value", [None, 3, "text", [1], True])
def test_what_is_no_object_has_no_fields(value: object) -> None:
    assert fields(value) == {}


@pytest.mark.parametrize("value", [None, 3, "text", {"a": 1}])
def test_what_is_no_array_has_no_items(value: object) -> None:
    assert list(items(value)) == []


def test_objects_and_arrays_are_handed_through() -> None:
    assert fields({"a": 1}) == {"a": 1}
    assert items([1, 2]) == [1, 2]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("a", "a"),
        (None, ""),
        ([{"type": "text", "text": "a"}, {"type": "image_url"}, "b", {"text": 3}], "a"),
    ],
)
def test_the_text_of_a_message_is_found_in_every_shape(content: object, text: str) -> None:
    assert content_text(content) == text


@pytest.mark.parametrize(("value", "tokens"), [(7, 7), (0, 0), (-1, 0), (None, 0), ("7", 0)])
def test_a_number_of_tokens_is_a_positive_integer(value: object, tokens: int) -> None:
    assert count(value) == tokens
