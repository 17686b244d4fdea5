"""The key covers everything that changes a verdict, and nothing else."""

import hashlib
from dataclasses import fields, replace

import pytest

from tasks.core.records import ChildCase, Limits, Reason, Verdict
from tasks.core.splitting.split import JudgeCase, SplitCase, split_cases
from tasks.core.verdict_keys import Conditions, is_lasting, verdict_key

CHILD = ChildCase("x = f()", ("x",))
JUDGE = JudgeCase("", ("a",), "a == target", "f() == target", uses_target=True, derived="a")
CASE = SplitCase(CHILD, JUDGE)
LIMITS = Limits(60.0, 180.0, 2**30, 2**20)
CONDITIONS = Conditions("e" * 64, LIMITS)
TARGET = "a" * 64
VERDICT = Verdict(Reason.PASSED, "", 0.5, ("landlock", "seccomp"))


def key(program: str = "def f(): return 1", *cases: SplitCase, **other: object) -> str:
    values = {"target_sha256": TARGET, "conditions": CONDITIONS, **other}
    return verdict_key(program, cases or (CASE,), **values)


def test_the_key_is_the_one_that_other_versions_have_written() -> None:
    # The canonical JSON, written out by hand; a change here drops every kept verdict.
    # sha256 of "hello" as in every table of examples.
    canonical = (
        '{"blas_core":null,"cases":['
        '{"child":{"ships":["x"],"source":"x = f()"},"judge":{"condition":"a == target",'
        '"derived":"a","slots":["a"],"source":"","text":"f() == target","uses_target":true}}],'
        f'"environment_sha256":"{"e" * 64}","fenced":true,"judge_libraries":[],"judge_version":2,'
        '"limits":{"cpu_s":60.0,"frame_bytes":1048576.0,"memory_bytes":1073741824.0,"wall_s":180.0},'
        '"program_sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",'
        f'"reveal_targets":false,"sandbox_version":1,"target_sha256":"{"a" * 64}","try_index":0}}'
    )
    assert key("hello") == hashlib.sha256(canonical.encode()).hexdigest()


@pytest.mark.parametrize(
    "changed",
    [
        {"target_sha256": "b" * 64},
        {"conditions": replace(CONDITIONS, environment_sha256="d" * 64)},
        {"conditions": replace(CONDITIONS, reveal_targets=True)},
        {"conditions": replace(CONDITIONS, blas_core="Haswell")},
        {"conditions": replace(CONDITIONS, judge_libraries=("numpy 9",))},
        {"fenced": False},
        {"try_index": 1},
    ],
    ids=str,
)
def test_every_part_changes_the_key(changed: dict[str, object]) -> None:
    assert key(**changed) != key()


@pytest.mark.parametrize("name", [field.name for field in fields(Limits)])
def test_every_limit_changes_the_key(name: str) -> None:
    limits = replace(LIMITS, **{name: getattr(LIMITS, name) + 1})
    assert key(conditions=replace(CONDITIONS, limits=limits)) != key()


def test_a_whole_number_and_a_float_of_the_same_value_are_one_limit() -> None:
    limits = replace(LIMITS, cpu_s=60, wall_s=180)
    assert key(conditions=replace(CONDITIONS, limits=limits)) == key()


@pytest.mark.parametrize(
    "case",
    [
        SplitCase(replace(CHILD, source="x = g()"), JUDGE),
        SplitCase(replace(CHILD, ships=("x", "y")), JUDGE),
        *(SplitCase(CHILD, replace(JUDGE, **{n: "b"})) for n in ("source", "condition", "text")),
        SplitCase(CHILD, replace(JUDGE, slots=("b",))),
        SplitCase(CHILD, replace(JUDGE, uses_target=False)),
        SplitCase(CHILD, replace(JUDGE, derived=None)),
    ],
    ids=range(8),
)
def test_every_part_of_a_case_changes_the_key(case: SplitCase) -> None:
    assert key("p", case) != key("p")


def test_the_number_and_the_order_of_cases_change_the_key() -> None:
    first, second = split_cases("1.1", ["assert f(1) == target", "assert f(2) == target"])
    keys = [key("p", *cases) for cases in ((first, second), (second, first), (first,))]
    assert len(set(keys)) == 3


def test_programs_with_lone_surrogates_have_keys_of_their_own() -> None:
    programs = ["x = '\ud83d'", "x = '\ude00'", "x = '\ud83d\ude00'", "x = '\U0001f600'", "x = '?'"]
    assert len({key(program) for program in programs}) == 5


def test_a_case_with_a_lone_surrogate_has_a_key() -> None:
    cases = [SplitCase(replace(CHILD, source=s), JUDGE) for s in ("\ud83d\ude00", "\U0001f600")]
    assert key("p", cases[0]) != key("p", cases[1])


def test_a_long_program_counts_to_its_last_character() -> None:
    program = "x = 1\n" * 50_000
    assert key(program + "y") != key(program + "z")


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        (Reason.PASSED, True),
        (Reason.WRONG_ANSWER, True),
        (Reason.EXCEPTION, True),
        (Reason.TIMEOUT, True),
        (Reason.MEMORY, True),
        (Reason.NO_CODE, True),
        (Reason.BAD_VALUE, True),
        (Reason.VIOLATION, True),
        (Reason.KILLED, False),
        (Reason.CONTEXT_OVERFLOW, False),
        (Reason.UNSCORED, False),
    ],
)
def test_what_the_program_brought_about_is_kept(reason: Reason, *, kept: bool) -> None:
    assert is_lasting(replace(VERDICT, reason=reason)) is kept


def test_every_reason_is_decided() -> None:
    assert len(Reason) == 11


@pytest.mark.parametrize(
    "changed",
    [
        {"cached": True},
        {"layers": ()},  # it never ran
        {"tries": (Reason.PASSED, Reason.PASSED)},
        {"environments": (("current", Reason.PASSED),)},
    ],
    ids=str,
)
def test_what_no_single_verification_brought_about_is_not_kept(changed: dict[str, object]) -> None:
    assert not is_lasting(replace(VERDICT, **changed))
