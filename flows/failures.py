"""verdicts of one attempt -> the same, with the failures marked that an earlier one caused.

Both flows that verify end an attempt here. Where gold code stands behind every failed candidate
before a sub-step, its program is verified once more with that code: one at a time, and within the
limits of any other program.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tasks.core.chain import Link
from tasks.core.inheritance import substitute_gold, suspects, trace_failures
from tasks.core.records import StepResult, Verdict
from tasks.verifier import Verifier


async def find_inherited(
    verifier: Verifier, dependencies: str, chain: Sequence[Link]
) -> dict[str, Verdict]:
    """Return the verdicts of inherited failures, with their sources, by their sub-steps.

    Raises:
        SandboxError: a program with gold code could not be judged.
    """
    proven: dict[str, bool] = {}
    for index in suspects(chain):
        step, program = chain[index].step, substitute_gold(dependencies, chain[: index + 1])
        if step is not None and program is not None:
            verdict = await verifier.verify(step.step_id, program, None)
            proven[step.step_id] = verdict.passed
    # Long candidates take seconds to scan, in which other verdicts should not wait.
    sources = await asyncio.to_thread(trace_failures, dependencies, chain, proven)
    return {
        link.step.step_id: replace(link.verdict, inherited_from=sources[link.step.step_id])
        for link in chain
        if link.step is not None and link.verdict is not None and link.step.step_id in sources
    }


def step_results(verdicts: Mapping[str, Verdict]) -> tuple[StepResult, ...]:
    """Return what an attempt keeps of its verdicts."""
    return tuple(StepResult.of(step_id, verdict) for step_id, verdict in verdicts.items())
