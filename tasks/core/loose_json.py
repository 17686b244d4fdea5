"""generation: reads JSON that others wrote; a value of another shape counts as absent."""

from collections.abc import Mapping, Sequence
from typing import cast


def fields(value: object) -> Mapping[str, object]:
    """Return the fields of a JSON object; none if the value is no object."""
    return cast(Mapping[str, object], value) if isinstance(value, Mapping) else {}


def items(value: object) -> Sequence[object]:
    """Return the items of a JSON array; none if the value is no array."""
    return cast(list[object], value) if isinstance(value, list) else ()


def content_text(content: object) -> str:
    """Return the text of a chat message, whose content is a string, null or a list of parts."""
    if isinstance(content, str):
        return content
    texts = (fields(part).get("text") for part in items(content))
    return "".join(text for text in texts if isinstance(text, str))


def count(value: object) -> int:
    """Return a number of tokens; 0 where the value is no positive integer."""
    return value if isinstance(value, int) and value > 0 else 0
