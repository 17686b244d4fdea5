"""metrics -> report: HTML that is built from elements, so that other people's text stays text.

Whatever is a `str` is escaped; only what `element` returned goes into a page as it is. Characters
that a reader cannot see, or that would turn the order of the others, are written as their number.
"""

import html
import re
from dataclasses import dataclass
from typing import TypeAlias

# Control and format characters besides tab and newline, line separators, halves of surrogate pairs,
# characters that are none, and tags.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffc\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_VOID = frozenset({"br", "meta"})
_SHORT = 32
_CUT = " […] "


@dataclass(frozen=True, slots=True)
class Html:
    """A piece of HTML that may stand in a page as it is."""

    source: str


Child: TypeAlias = Html | str


def element(name: str, *children: Child, **attributes: str) -> Html:
    """Return an element of our own choice with any children and values of attributes.

    Args:
        name: of the element.
        children: elements, and texts, which are escaped.
        attributes: a trailing underscore is dropped (`class_`), an inner one becomes a dash.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
    )
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(*children).source}</{name}>")


def joined(*children: Child) -> Html:
    """Put pieces side by side, and escape those that are text."""
    return Html("".join(c.source if isinstance(c, Html) else escape(c) for c in children))


def escape(text: str) -> str:
    """Make any text safe in an element and in a quoted attribute, and each character visible."""
    return html.escape(_UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text), quote=True)


def clipped(text: str, most: int, *, kept_end: int = 0) -> str:
    """Shorten a text to about this many characters, of which some are its last ones."""
    if len(text) <= most:
        return text
    return text[: most - kept_end] + _CUT + (text[-kept_end:] if kept_end else "")


def table(
    caption: str, head: tuple[str, ...], rows: list[tuple[Child, ...]], *, class_: str = ""
) -> Html:
    """Return a table whose first column heads its rows, in a box that scrolls sideways."""
    columns = (element("th", title, scope="col") for title in head)
    body = (element("tr", *_cells(row)) for row in rows)
    whole = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *columns)),
        element("tbody", *body),
        class_=class_,
    )
    return scrolling(whole, caption)


def scrolling(content: Html, label: str) -> Html:
    """Put what may be wider than the page into a box that scrolls sideways, by keys too."""
    return element("div", content, class_="scroll", tabindex="0", role="group", aria_label=label)


def _cells(row: tuple[Child, ...]) -> list[Html]:
    first, *others = row
    return [element("th", first, scope="row"), *map(_cell, others)]


def _cell(content: Child) -> Html:
    """Return a cell; only a long text may break into lines, which keeps numbers readable."""
    if isinstance(content, str) and len(content) > _SHORT:
        return element("td", content, class_="long")
    return element("td", content)
