"""Other people's text cannot leave its place in a page."""

from collections.abc import Callable
from typing import Any

import pytest

from tasks.core.html_elements import Html, clipped, element, escape, joined, table

HOSTILE = [
    "</script><script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "' onmouseover='alert(1)",
    '" onmouseover="alert(1)',
    "</pre></details></main>",
    "<!-- ",
    "&lt;b&gt; &amp;",
    "]]>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text_in_elements_and_attributes(
    text: str, read_page: Callable[[str], Any]
) -> None:
    page = read_page(element("p", text, title=text).source)
    (only,) = page.elements
    assert (only.tag, only.text, only.attributes) == ("p", text, {"title": text})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\0b", "a⟨U+0000⟩b"),
        ("\x1b[31m", "⟨U+001B⟩[31m"),
        ("\r", "⟨U+000D⟩"),
        ("\x85", "⟨U+0085⟩"),
        ("\u202egnp.exe", "⟨U+202E⟩gnp.exe"),
        ("\u2066\u200b", "⟨U+2066⟩⟨U+200B⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
        ("\uffff", "⟨U+FFFF⟩"),
        ("tab\tand\nline é 漢 😀 �", "tab\tand\nline é 漢 😀 �"),
    ],
)
def test_what_a_reader_cannot_see_is_written_as_its_number(text: str, shown: str) -> None:
    assert escape(text) == shown
    assert escape(text).encode()


def test_attributes_are_written_with_dashes_and_without_the_trailing_underscore() -> None:
    assert element("b", class_="x", aria_label="y").source == '<b class="x" aria-label="y"></b>'


def test_elements_that_hold_nothing_are_not_closed() -> None:
    assert element("meta", charset="utf-8").source == '<meta charset="utf-8">'


def test_elements_inside_of_others_are_left_alone() -> None:
    assert joined(element("i", "<"), "<").source == "<i>&lt;</i>&lt;"
    assert element("p", Html("<br>")).source == "<p><br></p>"


def test_a_long_text_keeps_its_start_and_as_much_of_its_end_as_wanted() -> None:
    assert clipped("abcdef", 6) == "abcdef"
    assert clipped("abcdefg", 6) == "abcdef […] "
    assert clipped("abcdefg", 4, kept_end=3) == "a […] efg"


def test_a_table_says_what_its_columns_and_rows_are(read_page: Callable[[str], Any]) -> None:
    page = read_page(table("Things", ("name", "text"), [("a", "x"), ("b", "y" * 33)]).source)
    assert page.texts("caption") == ["Things"]
    heads = [(e.text, e.attributes["scope"]) for e in page.elements if e.tag == "th"]
    assert heads == [("name", "col"), ("text", "col"), ("a", "row"), ("b", "row")]
    # Only a long text may break into lines.
    assert [e.attributes for e in page.elements if e.tag == "td"] == [{}, {"class": "long"}]
    assert page.elements[0].attributes["tabindex"] == "0"
