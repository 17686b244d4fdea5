import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.chain import Link
from tasks.core.inheritance import substitute_gold, suspects, trace_failures
from tasks.core.records import Reason, SubStep, Verdict

DEPENDENCIES = "import numpy as np\nimport scipy"
PASSED, WRONG, RAISED = Reason.PASSED, Reason.WRONG_ANSWER, Reason.EXCEPTION


def link(
    number: int, code: str, reason: Reason | None, detail: str = "", gold: str | None = None
) -> Link:
    """A link of a sub-step that was asked for the function `asked<number>`."""
    cases = (f"assert asked{number}(3) == target",)
    step = SubStep(f"1.{number}", "", "", f"def asked{number}(x):", None, cases, gold)
    return Link(code, step, None if reason is None else Verdict(reason, detail))


def define(number: int, body: str = "1") -> str:
    return f"def asked{number}(x):\n    return {body}"


def raised_at(line: int, message: str = "ValueError: no") -> str:
    return (
        f'  File "<case 1>", line 1, in <module>\n    asked(3)\n'
        f'  File "<program>", line {line}, in f\n    return 1\n{message}'
    )


def stuck_at(line: int, message: str = "SyntaxError: invalid syntax") -> str:
    return f'  File "<program>", line {line}\n    x = (\n{message}'


def trace(*chain: Link, **proven: bool) -> dict[str, str]:
    return trace_failures(DEPENDENCIES, chain, {f"1.{k[1:]}": v for k, v in proven.items()})


def test_the_first_failure_of_a_chain_is_its_own() -> None:
    assert trace(link(1, define(1), PASSED), link(2, define(2, "asked1(x)"), WRONG)) == {}


def test_a_failure_that_calls_failed_code_is_inherited_and_one_that_does_not_is_own() -> None:
    first = link(1, define(1), WRONG)
    assert trace(first, link(2, define(2, "asked1(x)"), WRONG)) == {"1.2": "1.1"}
    assert trace(first, link(2, define(2, "np.sum(x)"), WRONG)) == {}
    assert trace(first, link(2, define(2, "asked1(x)"), PASSED)) == {}


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.MEMORY, Reason.KILLED, Reason.BAD_VALUE])
def test_failures_without_a_line_go_by_the_names(reason: Reason) -> None:
    failed = link(2, define(2, "asked1(x)"), reason)
    assert trace(link(1, define(1), Reason.TIMEOUT), failed) == {"1.2": "1.1"}


def test_failed_code_is_reached_through_passed_and_unscored_code() -> None:
    chain = [
        link(1, define(1), WRONG),
        link(2, "SCALE = asked1(2)", None),
        link(3, define(3, "SCALE"), PASSED),
        link(4, define(4, "asked3(x)"), WRONG),
    ]
    assert trace(*chain) == {"1.4": "1.1"}


def test_a_case_that_calls_failed_code_hands_on_its_failure() -> None:
    step = SubStep("1.2", "", "", "def asked2(x):", None, ("assert asked2(asked1(3)) == target",))
    assert trace(link(1, define(1), WRONG), Link(define(2), step, Verdict(WRONG))) == {"1.2": "1.1"}


def test_the_last_definition_of_a_name_is_the_one_that_counts() -> None:
    first, reader = link(1, define(1), WRONG), link(3, define(3, "asked1(x)"), WRONG)
    mended = link(2, define(2) + "\n" + define(1, "2"), PASSED)
    assert trace(first, mended, reader) == {}
    own = link(3, define(3, "asked1(x)") + "\n" + define(1, "2"), WRONG)
    assert trace(first, link(2, define(2), PASSED), own) == {}
    # 1.2 fails and replaces what 1.1 had passed with.
    spoilt = link(2, define(2) + "\n" + define(1, "0"), WRONG)
    assert trace(link(1, define(1), PASSED), spoilt, reader) == {"1.3": "1.2"}


def test_the_root_is_named_and_of_several_sources_the_first() -> None:
    chain = [
        link(1, define(1), WRONG),
        link(2, define(2, "asked1(x)"), WRONG),
        link(3, define(3), WRONG),
        link(4, define(4, "asked3(x) + asked2(x)"), WRONG),
    ]
    assert trace(*chain) == {"1.2": "1.1", "1.4": "1.1"}


def test_the_line_of_an_exception_goes_before_the_names() -> None:
    """Lines: 1-2 dependencies, 3-4 1.1, 5-6 1.2, 7 empty, 8-9 1.3, which calls both."""
    first, second = link(1, define(1), WRONG), link(2, define(2), WRONG)

    def third(line: int, body: str = "asked1(x) + asked2(x)") -> dict[str, str]:
        return trace(first, second, link(3, define(3, body), RAISED, raised_at(line)))

    assert third(4) == {"1.3": "1.1"}
    assert third(5) == third(6) == {"1.3": "1.2"}
    assert third(9) == {"1.3": "1.1"}
    assert third(9, "x + y") == {}
    # A value that code which passed does not take may come from code that failed.
    passed = link(2, define(2), PASSED)
    reader = link(3, define(3, "asked2(asked1(x))"), RAISED, raised_at(6))
    assert trace(first, passed, reader) == {"1.3": "1.1"}


def test_lines_in_the_message_of_an_exception_are_no_frames() -> None:
    forged = raised_at(9, 'ValueError: no\n  File "<program>", line 4, in f')
    assert trace(link(1, define(1), WRONG), link(2, define(2), RAISED, forged)) == {}


def test_a_program_that_does_not_compile_goes_by_the_line_alone() -> None:
    """Lines: 3-4 1.1, 5 empty, 6-7 1.2."""
    broken = link(1, "def asked1(x):\n    return (x", RAISED)
    caller = define(2, "asked1(x)")
    assert trace(broken, link(2, caller, RAISED, stuck_at(4))) == {"1.2": "1.1"}
    assert trace(broken, link(2, caller, RAISED, stuck_at(7))) == {}


def test_the_line_at_fault_may_stand_in_the_compilers_message() -> None:
    fault = "IndentationError: expected an indented block after 'if' statement on line 4"
    broken = link(1, "def asked1(x):\n    if x:", RAISED)
    assert trace(broken, link(2, define(2), RAISED, stuck_at(6, fault))) == {"1.2": "1.1"}


def test_code_that_was_never_written_is_missed_by_the_name_of_its_header() -> None:
    missing = link(1, "", Reason.NO_CODE)
    error = raised_at(6, "NameError: name 'asked1' is not defined")
    assert trace(missing, link(2, define(2, "asked1(x)"), RAISED, error)) == {"1.2": "1.1"}
    other_name = link(1, "def asked_one(x):\n    return 1", RAISED)
    assert trace(other_name, link(2, define(2, "asked1(x)"), RAISED, error)) == {"1.2": "1.1"}


@pytest.mark.parametrize("reason", [Reason.NO_CODE, Reason.CONTEXT_OVERFLOW])
def test_an_answer_without_code_is_always_an_own_failure(reason: Reason) -> None:
    detail = "no code block; " + stuck_at(4)
    assert trace(link(1, define(1), WRONG), link(2, define(2, "asked1(x)"), reason, detail)) == {}


def test_a_substitution_decides_and_the_rule_names_the_source() -> None:
    chain = [
        link(1, define(1), WRONG),
        link(2, define(2), WRONG),
        link(3, define(3, "asked2(x)"), WRONG),
        link(4, define(4, "asked3(x)"), WRONG),
    ]
    assert trace(*chain) == {"1.3": "1.2", "1.4": "1.2"}
    assert trace(*chain, _3=False) == {"1.4": "1.3"}
    # The rule sees no way from 1.2 to 1.1: it is the first that failed.
    assert trace(*chain, _2=True, _3=True) == {"1.2": "1.1", "1.3": "1.1", "1.4": "1.1"}


def test_only_failures_behind_a_failure_are_suspects() -> None:
    chain = [
        link(1, "", PASSED),
        link(2, "", WRONG),
        link(3, "", None),
        link(4, "", PASSED),
        link(5, "", Reason.NO_CODE),
        link(6, "", RAISED),
    ]
    assert suspects(chain) == [5]


def test_gold_code_takes_the_place_of_failed_candidates_only() -> None:
    chain = [
        link(1, "own 1", PASSED, gold="gold 1"),
        link(2, "own 2", WRONG, gold="gold 2"),
        Link("unknown"),
        link(3, "own 3", WRONG, gold="gold 3"),
    ]
    expected = f"{DEPENDENCIES}\nown 1\ngold 2\nunknown\n\nown 3"
    assert substitute_gold(DEPENDENCIES, chain) == expected
    assert substitute_gold(DEPENDENCIES, [link(1, "own", WRONG), chain[3]]) is None


ANY_TEXT = st.text() | st.lists(
    st.sampled_from(
        ["def asked1(x):", "\n", "    return ", "asked2", "(", "'''", "lambda ", "=", "é"]
    )
).map("".join)
DETAILS = st.text() | st.integers(-1, 10**12).map(raised_at) | st.integers(0, 99).map(stuck_at)


@given(st.lists(st.tuples(ANY_TEXT, st.sampled_from(Reason), DETAILS), max_size=5))
def test_any_chain_can_be_traced_to_roots_before_it(
    parts: list[tuple[str, Reason, str]],
) -> None:
    chain = [link(n, *part) for n, part in enumerate(parts, 1)]
    sources = trace(*chain)
    assert set(sources) <= {f"1.{n + 1}" for n in suspects(chain)}
    assert all(float(source) < float(step) for step, source in sources.items())
    assert not set(sources.values()) & set(sources)
