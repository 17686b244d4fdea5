"""What a keeper can say, and what people are told of it."""

import pytest

from tasks.model_server.reports import Kind, Report, describe_end, pack_report, read_report


@pytest.mark.parametrize(
    "report",
    [
        Report(Kind.STARTED, "123"),
        Report(Kind.REFUSED, "No such file or directory"),
        Report(Kind.ENDED, "-9"),
        Report(Kind.STOPPED, ""),
    ],
)
def test_a_report_is_a_line_that_can_be_read_back(report):
    line = pack_report(report)
    assert line.index(b"\n") == len(line) - 1
    assert read_report(line) == report


def test_a_reason_of_several_lines_stays_one_report():
    assert read_report(pack_report(Report(Kind.REFUSED, "no\nfile"))).value == "no file"


def test_the_end_of_the_stream_is_no_report():
    assert read_report(b"") is None


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (Report(Kind.ENDED, "0"), "it ended with exit status 0 (serve_command must stay in the"),
        (Report(Kind.ENDED, "2"), "it ended with exit status 2"),
        (Report(Kind.ENDED, "-11"), "it was killed by SIGSEGV"),
        (Report(Kind.ENDED, "-9"), "it was killed by SIGKILL (was it short of memory?)"),
        (Report(Kind.ENDED, "-40"), "it was killed by signal 40"),
        (Report(Kind.STOPPED, ""), "it was stopped"),
        (None, "its keeper was killed, and it with it"),
    ],
)
def test_every_end_is_told_in_words(report, said):
    assert describe_end(report).startswith(said)
