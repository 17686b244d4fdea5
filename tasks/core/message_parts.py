"""generation: sorts the parts of a message into its answer and the model's thinking.

Content is a string, null or a list of parts; a part is typed, and one of type `thinking` or
`reasoning` (Mistral, Anthropic's shape, gateways) holds text under one of several names.
"""

from collections.abc import Iterator, Mapping

from tasks.core.loose_json import content_text, fields, items
from tasks.core.reasoning import SplitText, join_thoughts, split_reasoning

_THINKING_TYPES = ("think", "reason")
_THINKING_FIELDS = ("thinking", "reasoning", "content", "text", "summary")
_MESSAGE_FIELDS = ("reasoning_content", "reasoning", "thinking")


def split_message(message: Mapping[str, object]) -> SplitText:
    """Part reasoning from answer, wherever the endpoint put it: fields, parts, tags in the text."""
    content = message.get("content")
    parts = [fields(part) for part in items(content)]
    thoughts = [*_field_thoughts(message), *map(part_thought, filter(_thinks, parts))]
    text = clean_text(answer_text(content) or content_text(message.get("refusal")))
    told = join_thoughts(*thoughts)
    split = split_reasoning(text, parted=told is not None)
    told = None if told is None else clean_text(told)
    return SplitText(split.answer, join_thoughts(told, split.reasoning))


def answer_text(content: object) -> str:
    """Return the text of a message's content, without parts that hold its thinking."""
    if isinstance(content, str):
        return content
    return content_text([part for part in items(content) if not _thinks(fields(part))])


def part_thought(part: Mapping[str, object]) -> str:
    """Return the text of a part that holds thinking: under the first of its names with any."""
    texts = (content_text(part.get(name)) for name in _THINKING_FIELDS)
    return next((text for text in texts if text.strip()), "")


def clean_text(text: str) -> str:
    """Replace lone surrogates, which JSON can carry and no UTF-8 file can hold."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _field_thoughts(message: Mapping[str, object]) -> Iterator[str]:
    """Yield what the first field of the message's reasoning holds; several repeat each other."""
    for name in _MESSAGE_FIELDS:
        thought = content_text(message.get(name))
        if thought.strip():
            yield thought
            return
    for detail in items(message.get("reasoning_details")):
        yield part_thought(fields(detail))


def _thinks(part: Mapping[str, object]) -> bool:
    kind = part.get("type")
    return isinstance(kind, str) and any(name in kind for name in _THINKING_TYPES)
