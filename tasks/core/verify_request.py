"""program -> verdict, asked for over HTTP: the body of a request to the verifier service.

The fields are the seed's. A program is the whole source: dependencies, earlier candidates, this
one. A sub-step without a program is not scored, and neither is a given one. The agent stands in
for the program of a sub-step that it could not generate with a text of its own, `OVERFLOWED`.
"""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, cast

from tasks.core.errors import RequestError, TargetError, UnknownIdError
from tasks.core.loose_json import fields, items
from tasks.core.records import AttemptResult, Problem, Reason, StepResult, Usage, Verdict

OVERFLOWED = "_ran_out_of_context_"

_SHAPE = '{"problem_id": "13", "solutions": {"13.7": "<program>"}}'
# The seed hands these back; the trainer finds the rollout and its tokens in them.
_HANDED_BACK = ("responses_create_params", "response", "token_usage_version", "step_usage")
_LISTED = 20


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """One attempt to verify.

    `programs` holds the program of each step id; `cases` the cases of the sub-steps that the caller
    described, and `handed_back` the JSON object of the fields that go into the answer as they are.
    """

    problem_id: str
    programs: Mapping[str, str]
    cases: Mapping[str, tuple[str, ...]]
    handed_back: str


@dataclass(frozen=True, slots=True)
class ScoredProgram:
    """The program of a scored sub-step; `settled` is its verdict where nothing needs to run."""

    step_id: str
    program: str
    settled: Verdict | None


def read_request(body: bytes | bytearray) -> VerifyRequest:
    """Read the body of a request.

    Raises:
        RequestError: it is no JSON, or not of the right shape.
    """
    try:
        value = cast(object, json.loads(body, parse_constant=_refuse_constant, parse_float=_finite))
        asked = fields(value)
        handed_back = json.dumps({name: asked[name] for name in _HANDED_BACK if name in asked})
    except RecursionError as error:
        raise _refusal("a JSON object", "one nested too deeply") from error
    except ValueError as error:
        raise _refusal("a JSON object", f"what is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise _refusal("a JSON object", f"a JSON {type(value).__name__}")
    problem_id = asked.get("problem_id")
    if not isinstance(problem_id, str):
        raise _refusal('a string "problem_id"', _kind(asked, "problem_id"))
    return VerifyRequest(problem_id, _programs(asked), _cases(asked), handed_back)


def select_programs(
    request: VerifyRequest, problems: Mapping[str, Problem], scored: Collection[str]
) -> tuple[ScoredProgram, ...]:
    """Match a request with the dataset: what is scored, in the order of the sub-steps.

    Raises:
        UnknownIdError: no such problem or sub-step.
        RequestError: the caller's cases are not the dataset's.
        TargetError: a sub-step has no targets.
    """
    problem = problems.get(request.problem_id)
    if problem is None:
        raise UnknownIdError(
            f"no problem {_short(request.problem_id)} here; expected one of {_listed(problems)}"
        )
    step_ids = [step.step_id for step in problem.sub_steps]
    unknown = next((step_id for step_id in request.programs if step_id not in step_ids), None)
    if unknown is not None:
        raise UnknownIdError(
            f"problem {problem.problem_id} has no sub-step {_short(unknown)}; expected keys of "
            f'"solutions" among {_listed(step_ids)}'
        )
    asked = [s for s in problem.sub_steps if s.step_id in request.programs and s.given is None]
    for step in asked:
        if step.step_id not in scored:
            raise TargetError(
                f"no targets for sub-step {step.step_id}, so it cannot be judged; add them to the "
                'targets file and start the service again, or leave it out of "solutions"'
            )
        _check_cases(step.step_id, request.cases.get(step.step_id, ()), step.cases)
    programs = [(step.step_id, request.programs[step.step_id]) for step in asked]
    return tuple(ScoredProgram(i, program, _settle(program)) for i, program in programs)


def score_request(problem_id: str, verdicts: Mapping[str, Verdict]) -> AttemptResult:
    """Return the verdicts of a request as one attempt."""
    steps = (StepResult(i, v.reason, v.inherited_from) for i, v in verdicts.items())
    return AttemptResult(problem_id, 0, tuple(steps), Usage(0, 0))


def _settle(program: str) -> Verdict | None:
    if program == OVERFLOWED:
        return Verdict(Reason.CONTEXT_OVERFLOW, "the prompt did not fit into the model's context")
    if not program.strip():
        return Verdict(Reason.NO_CODE, "the program is empty")
    return None


def _check_cases(step_id: str, found: Sequence[str], expected: Sequence[str]) -> None:
    """Refuse a caller who works with other cases, a corrected release for one: silently judged by
    ours, every reward would be that of another benchmark."""
    if found and [case.strip() for case in found] != [case.strip() for case in expected]:
        raise RequestError(
            f'the "test_cases" of sub-step {step_id} are not those that this service judges by; '
            'start it with the dataset of the caller, or leave out "test_cases"'
        )


def _programs(asked: Mapping[str, object]) -> Mapping[str, str]:
    """Return the programs; none where the field is null or missing, as the seed has it."""
    solutions = asked.get("solutions")
    if solutions is None:
        return {}
    if not isinstance(solutions, dict):
        raise _refusal('"solutions" to be an object', _kind(asked, "solutions"))
    programs = fields(cast(object, solutions))
    for step_id, program in programs.items():
        if not isinstance(program, str):
            kind = type(program).__name__
            raise _refusal(f"the program of {_short(step_id)} to be a string", kind)
    return cast(Mapping[str, str], programs)


def _cases(asked: Mapping[str, object]) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(asked.get("sub_steps"), list | None):
        raise _refusal('"sub_steps" to be a list', _kind(asked, "sub_steps"))
    cases: dict[str, tuple[str, ...]] = {}
    for sub_step in map(fields, items(asked.get("sub_steps"))):
        texts = tuple(str(case) for case in items(sub_step.get("test_cases")))
        cases[str(sub_step.get("step_number"))] = texts
    return cases


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    """Read a number; one that is infinite could not be handed back."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is too large")
    return value


def _refusal(expected: str, found: str) -> RequestError:
    return RequestError(f"expected {expected}, found {found}; send {_SHAPE}")


def _kind(asked: Mapping[str, object], name: str) -> str:
    return f"a {type(asked[name]).__name__}" if name in asked else "none"


def _short(text: str) -> str:
    return ascii(text if len(text) <= 40 else text[:40] + "…")


def _listed(names: Collection[str]) -> str:
    shown = list(names)[:_LISTED]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")
