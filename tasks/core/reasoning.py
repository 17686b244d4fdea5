"""generation: parts a model's thinking from its answer, so that it never reaches the candidate.

Three forms are met in the text of an answer: `<think>` ... `</think>` at its start, a `<think>`
that the token limit left open, and a lone `</think>` where the chat template had already opened it.
A tag inside a code block belongs to the program that the model writes and is left where it is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_OPENING = "<think>"
_CLOSING = "</think>"
_FENCE = re.compile(r"^[ \t]*```+([^`\n]*)$", re.MULTILINE)
_ALONE = re.compile(rf"^[ \t]*(?={_CLOSING}[ \t\r]*$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SplitText:
    """An answer and the reasoning that preceded it; `reasoning` is None where there was none."""

    answer: str
    reasoning: str | None = None


def split_reasoning(text: str) -> SplitText:
    """Part the reasoning at the start of a text from the answer behind it."""
    stripped = text.lstrip()
    opened = stripped.startswith(_OPENING)
    body = stripped.removeprefix(_OPENING) if opened else text
    end = _closing_tag(body, opened=opened)
    if end is not None:
        answer = body[end + len(_CLOSING) :].lstrip("\r\n")
        return SplitText(answer, body[:end].strip() or None)
    return SplitText("", body.strip() or None) if opened else SplitText(text)


def _closing_tag(body: str, *, opened: bool) -> int | None:
    """Find the tag that ends the reasoning: the first one outside code blocks.

    Reasoning may leave a code block open, and the block then seems to hold the tag. Where the
    opening tag was seen, a tag alone on its line is therefore the next best.
    """
    if _CLOSING not in body:
        return None
    outside = _blank_code(body).find(_CLOSING)
    if outside >= 0:
        return outside
    alone = _ALONE.search(body) if opened else None
    return None if alone is None else alone.end()


def _blank_code(text: str) -> str:
    """Overwrite closed code blocks with blanks; every other character keeps its place."""
    pieces: list[str] = []
    done = 0
    for start, end in _code_blocks(text):
        pieces += [text[done:start], " " * (end - start)]
        done = end
    return "".join([*pieces, text[done:]])


def _code_blocks(text: str) -> Iterator[tuple[int, int]]:
    """Yield where closed code blocks start and end; a fence that names a language opens one."""
    opening: int | None = None
    for fence in _FENCE.finditer(text):
        if opening is None or fence.group(1).strip():
            opening = fence.start()
        else:
            yield opening, fence.end()
            opening = None
