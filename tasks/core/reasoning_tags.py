"""generation: the tags that models and servers put around the thinking in the text of an answer.

Each pair is met in the wild: `<think>` (DeepSeek, Qwen and many), `<thinking>`, `<thought>` and
`<reasoning>` (prompted models), `<seed:think>` (Seed-OSS), `[THINK]` (Mistral), `◁think▷` (Kimi),
`<|begin_of_thought|>`, `<|START_THINKING|>` (Cohere), and the channels of gpt-oss, whole or with
their special tokens left out by the server.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BLANK = r"[ \t]{0,8}+"
_FENCE = r"^[ \t]*+```+(?P<info>[^`\n]*)$"
_TO_MESSAGE = r"[^<\n]{0,80}(?:<\|constrain\|>[^<\n]{0,80})?<\|message\|>"
_ASSISTANT = r"(?:<\|start\|>\s*+assistant\s*+)?"
_FINAL = rf"(?:<\|end\|>\s*+)?{_ASSISTANT}<\|channel\|>\s*+final{_TO_MESSAGE}"
_THOUGHT = rf"{_ASSISTANT}<\|channel\|>\s*+(?:analysis|commentary){_TO_MESSAGE}"
# Behind the end of a thought stands another message, or an answer without a header.
_THOUGHT_END = rf"{_FINAL}|<\|end\|>(?!\s*+(?:<\|start\|>|<\|channel\|>|\Z))"
_ENDINGS = ("<|return|>", "<|end|>")


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Tag:
    """A pair of tags.

    `marks` finds closing tags and fences (group `info`), `alone` the closing tags that end the
    reasoning even where a code block seems to hold them.
    """

    opening: re.Pattern[str]
    marks: re.Pattern[str]
    alone: re.Pattern[str]


def opening_tag(text: str) -> tuple[Tag, int] | None:
    """Find the tag that a text begins with, and where it ends; None if it begins with none."""
    for tag in _TAGS:
        found = tag.opening.match(text)
        if found:
            return tag, found.end()
    return None


def drop_final_header(text: str) -> str | None:
    """Take the answer out of a final message of gpt-oss; None if the text is none."""
    found = _FINAL_HEADER.match(text)
    return None if found is None else drop_ending(text[found.end() :])


def drop_ending(text: str) -> str:
    """Take the token off with which a message of gpt-oss ends."""
    stripped = text.rstrip()
    for ending in _ENDINGS:
        if stripped.endswith(ending):
            return stripped.removesuffix(ending)
    return text


def _tag(opening: str, closing: str, alone: str | None = None) -> Tag:
    return Tag(
        _compile(opening),
        _compile(rf"{_FENCE}|(?:{closing})"),
        _compile(alone or rf"^[ \t]*+(?:{closing})(?=[ \t\r]*+$)"),
    )


def _word_tags() -> Iterator[tuple[str, str]]:
    for word in ("think", "thinking", "thought", "reasoning", "seed:think"):
        yield rf"<{_BLANK}{word}{_BLANK}>", rf"<{_BLANK}/{_BLANK}{word}{_BLANK}>"
    yield r"\[THINK\]", r"\[/THINK\]"
    yield "◁think▷", "◁/think▷"


# No program holds these by chance, so that no fence hides them.
_TOKEN_TAGS = (
    (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),
    (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),
    (_THOUGHT, _THOUGHT_END),
    (r"analysis(?=\S(?s:.*?)assistantfinal)", "assistantfinal"),
)
_FINAL_HEADER = _compile(_FINAL)
_TAGS = (
    *(_tag(opening, closing) for opening, closing in _word_tags()),
    *(_tag(opening, closing, closing) for opening, closing in _TOKEN_TAGS),
)
LONE_CLOSING = _tag(
    "(?!)",
    "|".join(
        (
            *(closing for _, closing in _word_tags()),
            *(closing for _, closing in _TOKEN_TAGS[:2]),
            _FINAL,
        )
    ),
)
