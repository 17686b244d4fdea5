"""Names of models and problems are other people's text."""

import pytest

from tasks.core.markdown_text import code_span, escape, markdown_table, one_line


def test_text_cannot_leave_its_cell() -> None:
    assert escape("a|b\n<c> & `d` *e* _f_ [g]") == (r"a\|b &lt;c> &amp; \`d\` \*e\* \_f\_ \[g\]")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("runs/a-b/report.html", "`runs/a-b/report.html`"),
        ("a`b``c", "```a`b``c```"),
        ("`a`", "`` `a` ``"),
        ("a\nb", "`a b`"),
    ],
)
def test_a_path_stands_in_code_style_whatever_it_holds(text: str, shown: str) -> None:
    assert code_span(text) == shown


def test_lines_become_one() -> None:
    assert one_line(" a\n\tb  c ") == "a b c"


def test_a_table_has_a_head_and_rows() -> None:
    assert markdown_table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
