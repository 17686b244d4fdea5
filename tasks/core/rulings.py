"""verdict -> verdict: one verdict for a sub-step from several of the same program.

There are several where a program runs in more than one environment, or where a verification is
repeated to see whether it always ends alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from tasks.core.records import StepResult, Verdict


class Repeated(StrEnum):
    """Which verifications are repeated."""

    FAILING = "failing"
    ALL = "all"


class TryRule(StrEnum):
    """Which of several tries decides."""

    FIRST = "first"  # the others only tell whether it is stable
    ANY = "any"  # passed if one try passed
    ALL = "all"  # passed if every try passed


@dataclass(frozen=True, slots=True)
class Confirmation:
    """How often a verification is repeated, and what follows from the tries.

    `tries` counts the further ones; with 0 nothing is repeated.
    """

    tries: int = 0
    repeated: Repeated = Repeated.FAILING
    rule: TryRule = TryRule.FIRST

    def further_tries(self, first: Verdict) -> int:
        """Return how many more tries there are after this one."""
        wanted = self.repeated is Repeated.ALL or not first.passed
        return self.tries if wanted else 0


def rule_environments(verdicts: Sequence[tuple[str, Verdict]]) -> Verdict:
    """Let a program pass that passes in one of the environments, named in their order.

    The verdict is the first passing one, else the first; with more than one environment it holds
    the reasons of all.
    """
    if len(verdicts) == 1:
        return verdicts[0][1]
    deciding = next((v for _, v in verdicts if v.passed), verdicts[0][1])
    return replace(
        deciding,
        duration_s=sum(verdict.duration_s for _, verdict in verdicts),
        cached=all(verdict.cached for _, verdict in verdicts),
        environments=tuple((name, verdict.reason) for name, verdict in verdicts),
    )


def rule_tries(verdicts: Sequence[Verdict], rule: TryRule) -> Verdict:
    """Decide by the tries of one program, in their order, and keep the reasons of all."""
    first = verdicts[0]
    if len(verdicts) == 1:
        return first
    wanted = first.passed if rule is TryRule.FIRST else rule is TryRule.ANY
    deciding = next((verdict for verdict in verdicts if verdict.passed is wanted), first)
    return replace(deciding, tries=tuple(verdict.reason for verdict in verdicts))


def is_unstable(judged: Verdict | StepResult) -> bool:
    """Tell whether tries of one program ended differently."""
    return len(set(judged.tries)) > 1
