"""A value of another shape counts as absent."""

import pytest

from tasks.core.loose_json import content_text, fields, items


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
