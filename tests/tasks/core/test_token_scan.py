import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.token_scan import MOST_CHARACTERS, Kind, logical_lines


def texts(code: str) -> list[list[str]]:
    return [[token.text for token in line.tokens] for line in logical_lines(code)]


def test_a_bracket_holds_a_line_open_and_a_semicolon_ends_one() -> None:
    code = "a = f(\n  1,\n  2)\nif b:\n    c; d\n"
    assert [line.indent for line in logical_lines(code)] == [0, 0, 4, 4]
    assert texts(code)[1:] == [["if", "b", ":"], ["c"], ["d"]]


def test_comments_blank_lines_and_continued_lines_leave_no_trace() -> None:
    assert texts("# a ' \"\n\n  \nb \\\n + c # d\r\ne") == [["b", "+", "c"], ["e"]]


@pytest.mark.parametrize(
    "string", ["'a\\'b'", '"""x\ny " z"""', "rb'\\d'", "F'{a}'", "''", "'''never\nended", '"open']
)
def test_a_string_is_one_token_also_when_it_never_ends(string: str) -> None:
    (line,) = logical_lines(f"x = {string}")
    assert [token.text for token in line.tokens] == ["x", "=", string]
    assert line.tokens[2].kind is Kind.LITERAL


def test_brackets_of_calls_and_of_groups_are_told_apart() -> None:
    (line,) = logical_lines("f(a)[b] + (c) in [d]")
    called = {t.text: t.called for t in line.tokens if t.text in "abcd"}
    assert called == {"a": True, "b": True, "c": False, "d": False}


def test_a_text_longer_than_any_candidate_is_not_read() -> None:
    assert logical_lines("a\n" * (MOST_CHARACTERS // 2)) != ()
    assert logical_lines("a\n" * (MOST_CHARACTERS // 2) + "b") == ()


@given(st.text(alphabet=st.sampled_from("ab1 \t\n\r\\'\"#()[]{}:;=.,*é\0\ud800")))
def test_no_text_is_refused_and_nothing_but_blanks_comments_and_ends_is_dropped(text: str) -> None:
    found = "".join("".join(part) for part in texts(text))
    assert set(found) <= set(text)
    if not set(text) & set("#\\'\""):
        kept = "".join(c for c in text if c not in " \t\n\r;")
        assert found.replace(";", "") == kept


@pytest.mark.parametrize("unit", ["(", "'''", "\\", "\n", " ", "lambda ", "rb", "a="])
def test_hostile_repetition_takes_no_longer_than_other_text(unit: str) -> None:
    started = time.process_time()
    logical_lines(unit * (MOST_CHARACTERS // len(unit)))
    assert time.process_time() - started < 5
