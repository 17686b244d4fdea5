"""Decides, between verdict and metrics, whether a sub-step fails on its own or inherited a failure.

The rule, for a failed sub-step behind a failed one:

1. Its exception was raised (or its program does not compile) in the lines of an earlier candidate
   that failed: inherited from that one. A program that does not compile is judged by this alone.
2. Else its candidate or its cases reach, by the names they load and through earlier definitions of
   those names, something that a failed candidate defined last, or should have defined and nobody
   did: inherited from the first such sub-step of the chain.
3. Else, and always when it has no code or the prompt did not fit, the failure is its own.

A source that inherited itself gives way to its own source, so that the root is named. Where the
gold code is known, a substitution can be tried: it decides, and the rule only names the source.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tasks.core.chain import Link, header_names
from tasks.core.name_scan import NameScan, scan_names
from tasks.core.program import assemble_program, lines_of_candidates
from tasks.core.records import Reason

_ALWAYS_OWN = frozenset({Reason.NO_CODE, Reason.CONTEXT_OVERFLOW, Reason.UNSCORED})
_PLACE = re.compile(r'  File "<program>", line (\d{1,9})(, in )?')
# "expected an indented block after 'if' statement on line 7": the line at fault, not the next one.
_FAULT = re.compile(r"\bon line (\d{1,9})")


@dataclass(frozen=True, slots=True)
class _Place:
    """The line of the program where an exception was raised or the compiler gave up."""

    lines: tuple[int, ...]
    compiles: bool


def trace_failures(
    dependencies: str, chain: Sequence[Link], proven: Mapping[str, bool]
) -> dict[str, str]:
    """Name the source of every failure that was inherited, by the sub-step that inherited it.

    Args:
        dependencies: the imports of the problem.
        chain: the candidates of one attempt in order, with their verdicts.
        proven: by sub-step, whether its program passed with gold code in place of every failed
            candidate before it; empty where that was not tried.
    """
    scans = tuple(scan_names(link.code) for link in chain)
    sources: dict[str, str] = {}
    for index in suspects(chain):
        step_id = _step_id(chain[index])
        if proven.get(step_id) is False:
            continue
        found = _source(dependencies, chain[: index + 1], scans)
        if found is None and step_id in proven:
            found = next(i for i, link in enumerate(chain) if link.failed)
        if found is not None:
            source = _step_id(chain[found])
            sources[step_id] = sources.get(source, source)
    return sources


def suspects(chain: Sequence[Link]) -> list[int]:
    """Return the places of failed sub-steps that may have inherited their failure."""
    failed = [index for index, link in enumerate(chain) if link.failed]
    return [i for i in failed[1:] if _reason(chain[i]) not in _ALWAYS_OWN]


def substitute_gold(dependencies: str, chain: Sequence[Link]) -> str | None:
    """Assemble the last program of a chain with gold code for every failed candidate before it.

    None where the gold code of one of them is not known.
    """
    codes: list[str] = []
    for link in chain[:-1]:
        code = link.code
        if link.failed:
            gold = link.step.gold if link.step is not None else None
            if gold is None:
                return None
            code = gold
        codes.append(code)
    return assemble_program(dependencies, codes, chain[-1].code)


def _source(dependencies: str, chain: Sequence[Link], scans: Sequence[NameScan]) -> int | None:
    """Apply the rule to the last link of a chain."""
    verdict = chain[-1].verdict
    if verdict is None:
        return None
    place = None
    if verdict.reason is Reason.EXCEPTION:
        place = _place(verdict.detail)
    if place is not None:
        ranges = lines_of_candidates(dependencies, [link.code for link in chain])
        for index, link in enumerate(chain[:-1]):
            if link.failed and any(line in ranges[index] for line in place.lines):
                return index
        if not place.compiles:
            return None
    return min(_reached(chain, scans), default=None)


def _place(detail: str) -> _Place | None:
    """Find the innermost frame of the program; what follows the frames is the message."""
    found: re.Match[str] | None = None
    message = ""
    for line in detail.splitlines():
        if found and not line.startswith("  "):
            message = line
            break
        found = _PLACE.match(line) or found
    if found is None:
        return None
    compiles = found.group(2) is not None
    faults = [] if compiles else _FAULT.findall(message)
    return _Place(tuple(int(number) for number in (found.group(1), *faults)), compiles)


def _reached(chain: Sequence[Link], scans: Sequence[NameScan]) -> set[int]:
    """Return the failed links whose definitions the last link loads, through those of others."""
    own = len(chain) - 1
    definers = _definers(chain, scans)
    hits: set[int] = set()
    seen: set[str] = set()
    waiting = [*scans[own].loads, *_case_loads(chain[own])]
    while waiting:
        name = waiting.pop()
        index = definers.get(name, own)
        if name in seen or index == own:
            continue
        seen.add(name)
        if chain[index].failed:
            hits.add(index)
        else:
            waiting.extend(scans[index].defines.get(name, ()))
    return hits


def _definers(chain: Sequence[Link], scans: Sequence[NameScan]) -> dict[str, int]:
    """Tell whose definition of a name holds at the end: the last one.

    A name that a failed sub-step was asked for and that nobody defined counts as its own.
    """
    definers: dict[str, int] = {}
    for index, scan in enumerate(scans[: len(chain)]):
        definers.update(dict.fromkeys(scan.defines, index))
    for index, link in enumerate(chain[:-1]):
        if link.failed and link.step is not None:
            for name in header_names(link.step.function_header):
                definers.setdefault(name, index)
    return definers


def _case_loads(link: Link) -> Iterable[str]:
    cases = link.step.cases if link.step is not None else ()
    return (name for case in cases for name in scan_names(case).loads)


def _step_id(link: Link) -> str:
    return link.step.step_id if link.step is not None else ""


def _reason(link: Link) -> Reason:
    return link.verdict.reason if link.verdict is not None else Reason.UNSCORED
