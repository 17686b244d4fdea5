"""What a check found, and how checks are run: none of them can stop another."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain

from tasks.core.errors import EvalError

_MOST_TEXT = 300
_AT_ONCE = 8


class Status(StrEnum):
    """What a finding means for an evaluation."""

    OK = "ok"
    NOTE = "note"  # it could start, and there is something to know
    FAIL = "FAIL"  # it could not start


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was found, and what to do about it."""

    name: str
    status: Status
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """Something to look at, by the name that a finding of its failure has."""

    name: str
    look: Callable[[], Finding | tuple[Finding, ...]]


def examine(checks: Iterable[Check]) -> tuple[Finding, ...]:
    """Run the checks beside each other; the findings keep their order."""
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return _said_once(chain.from_iterable(threads.map(_run, checks)))


def is_ready(findings: Iterable[Finding]) -> bool:
    """Whether an evaluation could start."""
    return all(finding.status is not Status.FAIL for finding in findings)


def failure(name: str, error: EvalError) -> Finding:
    """Turn an error into a finding: what it says to do stands behind its last semicolon."""
    found, _, advice = str(error).rpartition("; ")
    return Finding(name, Status.FAIL, *((found, advice) if found else (advice,)))


def _said_once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Refer to the first of several failures that have one cause, such as an absent file."""
    first: dict[tuple[str, str], str] = {}
    kept: list[Finding] = []
    for finding in findings:
        name = first.setdefault((finding.found, finding.advice), finding.name)
        if finding.status is Status.FAIL and name != finding.name:
            kept.append(replace(finding, found=f"for the same reason as {name}", advice=""))
        else:
            kept.append(finding)
    return tuple(kept)


def _run(check: Check) -> tuple[Finding, ...]:
    try:
        found = check.look()
        return found if isinstance(found, tuple) else (found,)
    except EvalError as error:
        return (failure(check.name, error),)
    except Exception as error:  # a check that breaks must not hide what the others find
        said = " ".join(f"{type(error).__name__}: {error}".split())[:_MOST_TEXT]
        advice = "if nothing explains it, report it as a defect of scicode-flows"
        return (Finding(check.name, Status.FAIL, f"could not be checked: {said}", advice),)
