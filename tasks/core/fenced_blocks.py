"""generation -> candidate: cuts a text into its fenced code blocks, by the rules of Markdown.

A fence is three or more backticks or tildes at the start of a line, or behind a list's mark. Its
indentation is a list's, whatever it is. A block ends at a fence of the same kind that is at least
as long, at most 3 columns further right and alone on its line, so that a fence inside a docstring
does not end it; one that never ends reaches to the end of the text. A block marked `markdown` is a
wrapping: its fences are those of the text. One pass of a pattern that never goes back reads it all.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(
    r"^(?P<indent>[ \t]*+(?P<mark>(?:[-*+]|\d{1,9}[.)])[ \t]++)?+)"
    r"(?P<fence>`{3,}+|~{3,}+)[ \t]*+(?P<info>[^\n]*+)",
    re.MULTILINE,
)
_LANGUAGE = re.compile(r"[{.\s]*+([\w+#-]*+)")
_FURTHER_RIGHT = 3
_WRAPPINGS = frozenset({"markdown", "md"})


@dataclass(frozen=True, slots=True)
class Block:
    """A code block; `language` is the first word behind its fence, in lower case."""

    language: str
    code: str


def fenced_blocks(text: str) -> Iterator[Block]:
    """Yield the code blocks of a text in their order, without those that hold nothing but blanks.

    Args:
        text: a text whose lines end with a newline character alone.
    """
    opening: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opening is None:
            opening = fence if _opens(fence) else None
        elif _closes(fence, opening):
            yield from _block(opening, text, fence.start())
            opening = None
    if opening is not None:
        yield from _block(opening, text, len(text))


def _block(opening: re.Match[str], text: str, end: int) -> Iterator[Block]:
    code = text[opening.end() + 1 : end]
    if code and not code.isspace():
        yield Block(_language(opening), code)


def _opens(fence: re.Match[str]) -> bool:
    # Backticks behind a backtick fence make it code within a line.
    inline = fence["fence"][0] == "`" and "`" in fence["info"]
    return not inline and _language(fence) not in _WRAPPINGS


def _closes(fence: re.Match[str], opening: re.Match[str]) -> bool:
    return (
        fence["fence"].startswith(opening["fence"])
        and not fence["info"].strip()
        and fence["mark"] is None
        and len(fence["indent"]) <= len(opening["indent"]) + _FURTHER_RIGHT
    )


def _language(fence: re.Match[str]) -> str:
    found = _LANGUAGE.match(fence["info"])
    return found[1].lower() if found else ""
