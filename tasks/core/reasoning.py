"""generation: parts a model's thinking from its answer, so that it never reaches the candidate.

Of every pair in `reasoning_tags` three forms are met in the text of an answer: blocks at its start,
one behind another, an opening tag whose block the token limit left open, and a lone closing tag
where the chat template had already opened it. A tag inside a code block belongs to the program that
the model writes and is left where it is.
"""

from dataclasses import dataclass

from tasks.core.reasoning_tags import (
    LONE_CLOSING,
    Tag,
    drop_ending,
    drop_final_header,
    opening_tag,
)

_MOST_BLOCKS = 100


@dataclass(frozen=True, slots=True)
class SplitText:
    """An answer and the reasoning that preceded it; `reasoning` is None where there was none."""

    answer: str
    reasoning: str | None = None


def split_reasoning(text: str, *, parted: bool = False) -> SplitText:
    """Part the reasoning at the start of a text from the answer behind it.

    Args:
        text: what the model wrote.
        parted: whether the endpoint has already parted reasoning from it; a lone closing tag with
            text before it is then a part of the answer.
    """
    thoughts: list[str] = []
    rest = text
    for _ in range(_MOST_BLOCKS):
        stripped = rest.lstrip()
        found = opening_tag(stripped)
        if found is None:
            break
        tag, start = found
        body = stripped[start:]
        span = _find_end(body, tag) or (len(body), len(body))
        thoughts.append(body[: span[0]])
        rest = drop_ending(body[span[1] :].lstrip("\r\n"))
    if not thoughts:
        return _split_unopened(text, parted=parted)
    return SplitText(rest, join_thoughts(*thoughts))


def join_thoughts(*thoughts: str | None) -> str | None:
    """Join what is not blank, with an empty line between; None where nothing is."""
    return "\n\n".join(thought.strip() for thought in thoughts if thought and thought.strip()) or (
        None
    )


def _split_unopened(text: str, *, parted: bool) -> SplitText:
    final = drop_final_header(text.lstrip())
    if final is not None:
        return SplitText(final)
    span = _find_end(text, LONE_CLOSING, opened=False)
    if span is None or (parted and text[: span[0]].strip()):
        return SplitText(text)
    answer = drop_ending(text[span[1] :].lstrip("\r\n"))
    return SplitText(answer, join_thoughts(text[: span[0]]))


def _find_end(body: str, tag: Tag, *, opened: bool = True) -> tuple[int, int] | None:
    """Find the tag that ends the reasoning: the first one outside closed code blocks.

    A fence that names a language opens a block, also where another one was left open. Reasoning may
    leave a code block open, and the block then seems to hold the tag. Where the opening tag was
    seen, a tag alone on its line is therefore the next best.
    """
    fenced = False
    held: tuple[int, int] | None = None
    for mark in tag.marks.finditer(body):
        info = mark["info"]
        if info is None:
            if not fenced:
                return mark.span()
            held = held or mark.span()
        elif not fenced or info.strip():
            if held:
                return held
            fenced = True
        else:
            fenced, held = False, None
    alone = tag.alone.search(body) if opened and held is None else None
    return held if alone is None else alone.span()
