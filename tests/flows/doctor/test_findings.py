"""Checks run beside each other, and none of them stops another."""

import threading

import pytest

from flows.doctor.findings import Check, Finding, Status, examine, is_ready
from tasks.core.errors import ConfigError

GOOD = Finding("good", Status.OK, "as it should be")


def broken() -> Finding:
    raise ZeroDivisionError("division\n  by zero")


def refused() -> Finding:
    raise ConfigError("expected a; found b; do c")


def test_a_check_that_raises_is_a_failure_and_the_others_go_on() -> None:
    checks = [Check("good", lambda: GOOD), Check("broken", broken), Check("last", lambda: GOOD)]
    first, second, third = examine(checks)
    assert (first, third) == (GOOD, GOOD)
    assert (second.name, second.status) == ("broken", Status.FAIL)
    assert second.found == "could not be checked: ZeroDivisionError: division by zero"


def test_one_check_may_find_several_things() -> None:
    both = (GOOD, Finding("more", Status.NOTE, ""))
    assert examine([Check("two", lambda: both), Check("one", lambda: GOOD)]) == (*both, GOOD)


def test_a_cause_of_several_failures_is_told_once() -> None:
    checks = [Check("one", refused), Check("good", lambda: GOOD), Check("two", refused)]
    one, _, two = examine(checks)
    assert (one.found, one.advice) == ("expected a; found b", "do c")
    assert two == Finding("two", Status.FAIL, "for the same reason as one")


def test_our_own_error_says_in_its_last_part_what_to_do() -> None:
    (finding,) = examine([Check("refused", refused)])
    assert finding == Finding("refused", Status.FAIL, "expected a; found b", "do c")


def test_an_error_of_one_part_has_no_advice() -> None:
    def look() -> Finding:
        raise ConfigError("not this")

    assert examine([Check("x", look)]) == (Finding("x", Status.FAIL, "not this"),)


def test_findings_keep_the_order_of_the_checks() -> None:
    """The first check ends only after the second one has."""
    second_done = threading.Event()

    def slow() -> Finding:
        assert second_done.wait(10)
        return Finding("slow", Status.OK, "")

    def quick() -> Finding:
        second_done.set()
        return Finding("quick", Status.OK, "")

    found = examine([Check("slow", slow), Check("quick", quick)])
    assert [finding.name for finding in found] == ["slow", "quick"]


@pytest.mark.parametrize(
    ("status", "ready"), [(Status.OK, True), (Status.NOTE, True), (Status.FAIL, False)]
)
def test_only_a_failure_keeps_an_evaluation_from_starting(*, status: Status, ready: bool) -> None:
    assert is_ready([GOOD, Finding("x", status, "")]) is ready
