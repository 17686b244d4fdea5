"""The end of an attempt: which programs are verified once more, and what their verdicts decide."""

import asyncio
from typing import Any

import pytest

from flows.attempt import Attempt, finish_attempt
from flows.failures import find_inherited
from flows.live import CountedProgress
from flows.progress import LoggedProgress
from flows.runtime import Runtime
from flows.turns import Turns
from tasks.core.chain import Link
from tasks.core.errors import SandboxError
from tasks.core.records import Extraction, Problem, Reason, StepKey, SubStep, Verdict
from tasks.stop_signal import StopSignal

FAILED, PASSED = Verdict(Reason.WRONG_ANSWER, "no"), Verdict(Reason.PASSED)


class KnownVerifier:
    """Answers with known verdicts, and notes what it is asked."""

    def __init__(self, *, passing: str = "", broken: bool = False) -> None:
        self.programs: list[tuple[str, str]] = []
        self._passing, self._broken = passing.split(), broken

    async def verify(self, step_id: str, program: str, candidate: object) -> Verdict:
        assert candidate is None
        self.programs.append((step_id, program))
        if self._broken:
            raise SandboxError("the judge is gone")
        return PASSED if step_id in self._passing else FAILED


def step(number: int, gold: str | None) -> SubStep:
    return SubStep(f"1.{number}", "", "", f"def f{number}():", None, ("assert True",), gold)


STEPS = tuple(step(n, f"gold{n}") for n in range(1, 5))
CHAIN = tuple(
    Link(f"own{n}", one, verdict)
    for n, (one, verdict) in enumerate(zip(STEPS, (FAILED, PASSED, FAILED, FAILED), strict=True), 1)
)


def inherited(verifier: KnownVerifier, *chain: Link) -> dict[str, str | None]:
    found = asyncio.run(find_inherited(verifier, "deps", chain))  # type: ignore[arg-type]
    assert all(v.reason is Reason.WRONG_ANSWER and v.detail == "no" for v in found.values())
    return {step_id: verdict.inherited_from for step_id, verdict in found.items()}


def test_failures_behind_a_failure_are_verified_with_gold_code_before_them() -> None:
    verifier = KnownVerifier(passing="1.4")
    assert inherited(verifier, *CHAIN) == {"1.4": "1.1"}
    assert verifier.programs == [
        ("1.3", "deps\ngold1\nown2\n\nown3"),
        ("1.4", "deps\ngold1\nown2\ngold3\n\nown4"),
    ]


def test_nothing_is_verified_where_a_gold_code_is_missing() -> None:
    verifier = KnownVerifier(passing="1.2")
    first = Link("def f1(): pass", step(1, None), FAILED)
    assert inherited(verifier, first, Link("f1()", step(2, "gold"), FAILED)) == {"1.2": "1.1"}
    assert verifier.programs == []


class Lines:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: dict[StepKey, Any] = {}

    def append(self, key: StepKey, fields: Any) -> None:
        self.lines[key] = fields["inherited_from"]


def finish(verifier: KnownVerifier, error: Exception | None = None) -> tuple[Runtime, Lines, Any]:
    """Finish an attempt whose verdicts are those of the chain."""
    lines, progress, stop = Lines(), CountedProgress(LoggedProgress()), StopSignal()
    services: Any = {"model": None, "verifier": verifier, "generations": None, "verdicts": lines}
    runtime = Runtime(
        problems={}, template="", background=True, extraction=Extraction.OFFICIAL, repeats=1,
        progress=progress, price=None, turns=Turns(1), stop=stop, **services,
    )  # fmt: skip
    if error is not None:
        runtime.stop.set(error)

    async def verdict_of(link: Link) -> Verdict:
        assert link.verdict is not None
        return link.verdict

    async def run() -> Any:
        attempt = Attempt(Problem("1", "", "deps", STEPS), 0, [link.code for link in CHAIN])
        for link in CHAIN:
            attempt.start(link.step.step_id if link.step else "", verdict_of(link))
        return await asyncio.gather(finish_attempt(runtime, attempt), return_exceptions=True)

    return runtime, lines, asyncio.run(run())[0]


def test_an_inherited_failure_is_written_again_and_kept_in_the_result() -> None:
    _, lines, result = finish(KnownVerifier(passing="1.4"))
    assert lines.lines == {StepKey("1", 0, "1.4"): "1.1"}
    assert [s.inherited_from for s in result.steps] == [None, None, None, "1.1"]


def test_a_judge_that_fails_on_gold_code_stops_the_evaluation() -> None:
    runtime, lines, result = finish(KnownVerifier(broken=True))
    assert isinstance(result, SandboxError)
    with pytest.raises(SandboxError, match="the judge is gone"):
        runtime.stop.check()
    assert lines.lines == {}


def test_after_a_failure_elsewhere_no_further_program_is_begun() -> None:
    verifier = KnownVerifier(passing="1.4")
    _, lines, result = finish(verifier, SandboxError("elsewhere"))
    assert str(result) == "elsewhere"
    assert (verifier.programs, lines.lines) == ([], {})
