"""What people get to see of a model server's log."""

import pytest

from tasks.model_server.log_tail import read_last_lines


@pytest.fixture
def log(tmp_path):
    return tmp_path / "server.log"


def test_the_last_lines_that_say_something_are_read_in_order(log):
    log.write_text("one\ntwo\n\nthree\n  \n")
    assert read_last_lines(log, 0, 2) == ("two", "three")


def test_what_earlier_servers_wrote_is_left_out(log):
    log.write_text("earlier\nlater\n")
    assert read_last_lines(log, len("earlier\n"), 5) == ("later",)


def test_every_state_of_a_progress_bar_is_a_line(log):
    log.write_bytes(b"shards: 1/3\rshards: 2/3\r")
    assert read_last_lines(log, 0, 1) == ("shards: 2/3",)


def test_nothing_reaches_a_terminal_that_could_change_it(log):
    log.write_bytes(b"\x1b[31;1mERROR\x1b[0m \x1b]0;title\x07bad\x08\x00 \xff\n")
    assert read_last_lines(log, 0, 1) == ("ERROR bad \ufffd",)


def test_a_long_line_is_cut(log):
    log.write_text("x" * 5000)
    assert read_last_lines(log, 0, 1) == ("x" * 300 + "…",)


def test_a_large_log_is_read_at_its_end_only(log):
    log.write_bytes(b"\0" * 10_000_000 + b"\nlast\n")
    assert read_last_lines(log, 0, 1) == ("last",)


def test_a_log_that_is_not_there_has_no_lines(log):
    assert read_last_lines(log, 0, 3) == ()
