"""One verdict from several: environments and repeated tries."""

from tasks.core.records import Reason, Verdict
from tasks.core.rulings import (
    Confirmation,
    Repeated,
    TryRule,
    is_unstable,
    rule_environments,
    rule_tries,
)

PASSED = Verdict(Reason.PASSED, duration_s=1.0)
WRONG = Verdict(Reason.WRONG_ANSWER, "case 1", duration_s=2.0)
LATE = Verdict(Reason.TIMEOUT, "late", duration_s=3.0)


def test_one_environment_decides_alone() -> None:
    assert rule_environments([("current", WRONG)]) is WRONG


def test_a_program_passes_that_passes_in_one_environment() -> None:
    verdict = rule_environments([("old", WRONG), ("new", PASSED)])
    assert verdict.passed
    assert verdict.environments == (("old", Reason.WRONG_ANSWER), ("new", Reason.PASSED))
    # 2 s and 1 s
    assert verdict.duration_s == 3.0


def test_a_program_that_fails_everywhere_fails_as_in_the_first_environment() -> None:
    verdict = rule_environments([("old", LATE), ("new", WRONG)])
    assert (verdict.reason, verdict.detail) == (Reason.TIMEOUT, "late")
    assert verdict.environments == (("old", Reason.TIMEOUT), ("new", Reason.WRONG_ANSWER))


def test_only_what_came_from_the_cache_in_all_environments_is_cached() -> None:
    cached = Verdict(Reason.PASSED, cached=True)
    assert rule_environments([("old", cached), ("new", cached)]).cached
    assert not rule_environments([("old", cached), ("new", PASSED)]).cached


def test_the_first_try_decides_by_default() -> None:
    for tries in ([WRONG, PASSED], [PASSED, WRONG]):
        verdict = rule_tries(tries, TryRule.FIRST)
        assert verdict.reason is tries[0].reason
        assert verdict.tries == tuple(each.reason for each in tries)


def test_with_any_one_passing_try_is_enough() -> None:
    assert rule_tries([WRONG, PASSED], TryRule.ANY).passed
    assert rule_tries([WRONG, LATE], TryRule.ANY).reason is Reason.WRONG_ANSWER


def test_with_all_one_failing_try_is_enough() -> None:
    assert rule_tries([PASSED, LATE], TryRule.ALL).reason is Reason.TIMEOUT
    assert rule_tries([PASSED, PASSED], TryRule.ALL).passed


def test_tries_that_end_alike_are_stable() -> None:
    assert not is_unstable(rule_tries([WRONG, WRONG], TryRule.FIRST))
    assert is_unstable(rule_tries([WRONG, LATE], TryRule.FIRST))
    assert not is_unstable(PASSED)


def test_failing_verifications_are_repeated_or_all() -> None:
    assert Confirmation().further_tries(WRONG) == 0
    assert Confirmation(2).further_tries(WRONG) == 2
    assert Confirmation(2).further_tries(PASSED) == 0
    assert Confirmation(2, Repeated.ALL).further_tries(PASSED) == 2
