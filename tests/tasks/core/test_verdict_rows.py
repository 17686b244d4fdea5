"""The verdicts of a problem make a table that a person can read."""

from tasks.core.records import Reason, Verdict
from tasks.core.verdict_rows import verdict_rows, verdict_text

TRACEBACK = "Traceback (most recent call last):\n  line 3\nValueError: no root\n"


def test_every_verdict_is_a_row_with_what_says_most() -> None:
    first = {
        "1.1": Verdict(Reason.PASSED, duration_s=0.12345, cached=True),
        "1.2": Verdict(Reason.EXCEPTION, TRACEBACK, 1.0, inherited_from="1.1"),
    }
    rows = verdict_rows([first, {"1.1": Verdict(Reason.TIMEOUT)}])
    assert [(row["sub-step"], row["repeat"], row["verdict"]) for row in rows] == [
        ("1.1", 0, "passed"),
        ("1.2", 0, "exception"),
        ("1.1", 1, "timeout"),
    ]
    assert (rows[0]["seconds"], rows[0]["known before"], rows[0]["detail"]) == (0.123, "yes", "")
    assert (rows[1]["detail"], rows[1]["inherited from"]) == ("`ValueError: no root`", "1.1")


def test_what_a_program_has_written_is_shown_as_code_and_never_as_markdown() -> None:
    """The page would load the image."""
    detail = "KeyError: `![x](http://127.0.0.1/x.png)` <img src=x>"
    (row,) = verdict_rows([{"1.1": Verdict(Reason.EXCEPTION, detail)}])
    assert row["detail"] == f"``{detail}``"


def test_a_verdict_is_one_line() -> None:
    assert verdict_text(Verdict(Reason.PASSED)) == "passed"
    assert verdict_text(Verdict(Reason.EXCEPTION, TRACEBACK)) == "exception: ValueError: no root"
    assert len(verdict_text(Verdict(Reason.WRONG_ANSWER, "x" * 5000))) < 400
