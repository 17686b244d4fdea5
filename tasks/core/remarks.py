"""verdict -> metrics: what a reader of the score should know besides the numbers.

A remark is one sentence for a person and the same as data; it is there only where there is
something to say.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tasks.core.json_value import JsonValue
from tasks.core.listing import name_first
from tasks.core.ordering import natural_key
from tasks.core.records import AttemptResult, Reason, StepResult
from tasks.core.rulings import TryRule, is_unstable


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to know: its name in metrics.json, a sentence, and the data behind it."""

    name: str
    text: str
    data: Mapping[str, JsonValue]


def collect_remarks(
    attempts: Sequence[AttemptResult], rule: TryRule, guessable: Collection[str]
) -> list[Remark]:
    """Return what there is to say about an evaluation.

    Args:
        attempts: every repeat of every problem.
        rule: which try decided where there were several.
        guessable: sub-steps that can be passed by guessing.
    """
    found = (
        remark_guessable(attempts, guessable),
        remark_environments(attempts),
        remark_unstable(attempts, rule),
    )
    return [remark for remark in found if remark is not None]


def remark_unstable(attempts: Iterable[AttemptResult], rule: TryRule) -> Remark | None:
    """Name the sub-steps whose tries ended differently; None where nothing was tried again."""
    tried = [(a, step) for a in attempts for step in a.steps if step.tries]
    if not tried:
        return None
    unstable = [(a, step) for a, step in tried if is_unstable(step)]
    steps = sorted({step.step_id for _, step in unstable}, key=natural_key)
    found = f"{len(unstable)} unstable ({name_first(steps)})" if unstable else "all of them stable"
    entries: list[JsonValue] = [
        {"step_id": s.step_id, "repeat": a.repeat, "tries": [reason.value for reason in s.tries]}
        for a, s in unstable
    ]
    return Remark(
        "confirmation",
        f"{len(tried)} verifications were tried again, {found}; the score rule is "
        f"{rule.value!r}: {_RULES[rule]}",
        {"tried": len(tried), "rule": rule.value, "unstable": entries},
    )


def remark_environments(attempts: Iterable[AttemptResult]) -> Remark | None:
    """Count what passes in each environment; None where there is one only."""
    steps = [step for attempt in attempts for step in attempt.steps if step.environments]
    if not steps:
        return None
    names = [name for name, _ in steps[0].environments]
    passed = {name: sum(_passes_in(step, name) for step in steps) for name in names}
    apart = {
        step.step_id for step in steps if len({r is _PASSED for _, r in step.environments}) > 1
    }
    differing = sorted(apart, key=natural_key)
    counts = ", ".join(f"{count} in {name}" for name, count in passed.items())
    return Remark(
        "environments",
        f"of {len(steps)} programs {counts} passed; one that passes in any of them counts as "
        f"passed; {_difference(differing)}",
        {"programs": len(steps), "passed": {**passed}, "differing": [*differing]},
    )


def remark_guessable(
    attempts: Iterable[AttemptResult], guessable: Collection[str]
) -> Remark | None:
    """Say how much of the score can be had by guessing; None where nothing can."""
    steps = [step for attempt in attempts for step in attempt.steps]
    guessed = [step for step in steps if step.step_id in guessable]
    if not guessed:
        return None
    names = sorted({step.step_id for step in guessed}, key=natural_key)
    passed, passed_others = _count_passed(guessed), _count_passed(steps) - _count_passed(guessed)
    others = len(steps) - len(guessed)
    without = f"; without them {passed_others} of {others}" if others else ""
    return Remark(
        "guessable",
        f"sub-steps that can be passed by guessing: {len(names)} ({name_first(names)}), passed "
        f"{passed} of {len(guessed)}{without}",
        {
            "step_ids": [*names],
            "passed": passed,
            "scored": len(guessed),
            "subtask_accuracy_without": passed_others / others if others else None,
            "scored_without": others,
        },
    )


_PASSED = Reason.PASSED
_RULES = {
    TryRule.FIRST: "the first try decides",
    TryRule.ANY: "one passing try is enough",
    TryRule.ALL: "every try has to pass",
}


def _count_passed(steps: Iterable[StepResult]) -> int:
    return sum(step.passed for step in steps)


def _passes_in(step: StepResult, environment: str) -> bool:
    return (environment, _PASSED) in step.environments


def _difference(step_ids: Sequence[str]) -> str:
    if not step_ids:
        return "they agree in every sub-step"
    return f"sub-steps in which they differ: {len(step_ids)} ({name_first(step_ids)})"
