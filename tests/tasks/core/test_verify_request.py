"""The body of a request to the verifier service becomes programs to judge, or an error."""

import json
from collections.abc import Mapping

import pytest

from tasks.core.errors import RequestError, TargetError, UnknownIdError
from tasks.core.records import Problem, Reason, SubStep, Verdict
from tasks.core.verify_request import (
    VerifyRequest,
    read_request,
    score_request,
    select_programs,
)

CASES = ("assert f(1) == target", "assert f(2) == target")


def step(step_id: str, *cases: str, given: str | None = None) -> SubStep:
    return SubStep(step_id, "", "", "def f(x):", None, cases, given=given)


PROBLEMS = {
    "7": Problem(
        "7", "", "", (step("7.1", *CASES), step("7.2", given="x = 1"), step("7.10", *CASES))
    )
}
SCORED = frozenset({"7.1", "7.10"})


def request(solutions: object = None, **others: object) -> VerifyRequest:
    return read_request(json.dumps({"problem_id": "7", "solutions": solutions, **others}).encode())


def test_programs_are_read_by_step_id() -> None:
    read = request({"7.1": "a", "7.10": "b"})
    assert (read.problem_id, read.programs) == ("7", {"7.1": "a", "7.10": "b"})


def test_the_rollout_s_fields_are_handed_back_and_no_others() -> None:
    rollout = {
        "responses_create_params": {"input": []},
        "response": {"id": "x", "output": [{"text": "\ud800 ü", "p": -0.5}]},
        "token_usage_version": "v1",
        "step_usage": [{"status": "generated"}],
    }
    read = request({}, **rollout, sub_steps=[], uuid="7", required_dependencies="import math")
    assert json.loads(read.handed_back) == rollout


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b"null",
        b'"text"',
        b"\xff\xfe\x00",
        b"{}",
        b'{"problem_id": 7, "solutions": {}}',
        b'{"problem_id": null, "solutions": {}}',
        b'{"problem_id": "7", "solutions": []}',
        b'{"problem_id": "7", "solutions": "7.1"}',
        b'{"problem_id": "7", "solutions": {"7.1": null}}',
        b'{"problem_id": "7", "solutions": {"7.1": ["x = 1"]}}',
        b'{"problem_id": "7", "solutions": {}, "sub_steps": {}}',
        b'{"problem_id": "7", "solutions": {}, "response": NaN}',
        b'{"problem_id": "7", "solutions": {}, "response": -Infinity}',
        b'{"problem_id": "7", "solutions": {}, "response": 1e999}',
        b'{"problem_id": "7", "solutions": {}, "response": ' + b"1" * 5000 + b"}",
        b'{"problem_id": "7", "solutions": {}, "response": ' + b"[" * 100_000,
        b'{"problem_id": "7", "solutions": {}, "uuid": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
    ids=lambda body: repr(body[:70]),
)
def test_what_is_no_request_is_refused_with_what_was_expected_and_found(body: bytes) -> None:
    with pytest.raises(RequestError, match=r"expected .*, found .*; send \{") as refused:
        read_request(body)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("body", [{"problem_id": "7"}, {"problem_id": "7", "solutions": None}])
def test_without_solutions_there_is_nothing_to_score(body: dict[str, object]) -> None:
    assert read_request(json.dumps(body).encode()).programs == {}


def test_scored_programs_come_in_the_order_of_the_sub_steps() -> None:
    programs = select_programs(request({"7.10": "b", "7.1": "a"}), PROBLEMS, SCORED)
    assert [(p.step_id, p.program) for p in programs] == [("7.1", "a"), ("7.10", "b")]


def test_a_given_sub_step_is_not_scored() -> None:
    programs = select_programs(request({"7.1": "a", "7.2": "x = 2"}), PROBLEMS, SCORED)
    assert [p.step_id for p in programs] == ["7.1"]


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("_ran_out_of_context_", Reason.CONTEXT_OVERFLOW),
        ("", Reason.NO_CODE),
        (" \n\t", Reason.NO_CODE),
    ],
)
def test_what_the_agent_could_not_generate_is_settled(program: str, reason: Reason) -> None:
    (found,) = select_programs(request({"7.1": program}), PROBLEMS, SCORED)
    assert found.settled is not None
    assert found.settled.reason is reason


def test_a_program_that_mentions_the_overflow_is_run() -> None:
    (found,) = select_programs(request({"7.1": "note = '_ran_out_of_context_'"}), PROBLEMS, SCORED)
    assert found.settled is None


def test_an_unknown_problem_is_refused_with_the_known_ones() -> None:
    unknown = read_request(b'{"problem_id": "8\\ud800", "solutions": {}}')
    with pytest.raises(UnknownIdError, match=r"no problem '8\\ud800' here; expected one of 7$"):
        select_programs(unknown, PROBLEMS, SCORED)


def test_an_unknown_sub_step_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownIdError, match=r"no sub-step '7\.3'; .* 7\.1, 7\.2, 7\.10$"):
        select_programs(request({"7.3": "x"}), PROBLEMS, SCORED)


def test_a_sub_step_without_targets_is_the_verifier_s_trouble() -> None:
    with pytest.raises(TargetError, match=r"no targets for sub-step 7\.10"):
        select_programs(request({"7.10": "x"}), PROBLEMS, frozenset({"7.1"}))


@pytest.mark.parametrize(
    "described",
    [
        {"step_number": "7.1", "test_cases": list(CASES)},
        {"step_number": "7.1", "test_cases": [f"{case}\n" for case in CASES]},
        {"step_number": "7.1", "test_cases": None},
        {"step_number": "7.1"},
        {"step_number": "7.10", "test_cases": ["assert True"]},  # not asked for
        {},
    ],
)
def test_the_caller_may_describe_the_sub_steps(described: Mapping[str, object]) -> None:
    asked = request({"7.1": "x"}, sub_steps=[described])
    assert len(select_programs(asked, PROBLEMS, SCORED)) == 1


@pytest.mark.parametrize("cases", [["assert True"], [CASES[0]], [CASES[1], CASES[0]], [1, 2]])
def test_other_cases_than_the_dataset_s_are_refused(cases: list[object]) -> None:
    asked = request({"7.1": "x"}, sub_steps=[{"step_number": "7.1", "test_cases": cases}])
    with pytest.raises(RequestError, match=r'"test_cases" of sub-step 7\.1 are not those'):
        select_programs(asked, PROBLEMS, SCORED)


def test_verdicts_become_one_attempt() -> None:
    attempt = score_request("7", {"7.1": Verdict(Reason.PASSED), "7.10": Verdict(Reason.TIMEOUT)})
    # One of the two passed.
    assert (attempt.problem_id, attempt.num_passed, attempt.solved) == ("7", 1, False)
    assert [s.reason for s in attempt.steps] == [Reason.PASSED, Reason.TIMEOUT]
