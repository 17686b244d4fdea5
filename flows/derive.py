"""Problems with gold code -> targets: what `scicode-flows targets` does.

Gold programs run in the sandbox like any other; the target of a case is read off its comparison.
"""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

from tasks.core.errors import DatasetError, SandboxError, TargetError
from tasks.core.judging import bind_slots, evaluate, judge_namespace
from tasks.core.program import assemble_program
from tasks.core.records import Ending, Given, Job, Limits, Outcome, Problem
from tasks.core.splitting.derivation import without_target
from tasks.core.splitting.split import JudgeCase
from tasks.dataset import load_problems
from tasks.sandbox.layers import Level
from tasks.sandbox.pool import SandboxPool
from tasks.sandbox.wire import decode_values
from tasks.targets import write_targets
from tasks.verifier import StepPlan, plan_steps


async def derive_targets(problems_file: Path, output: Path) -> int:
    """Run all gold code, write the targets file, and return the number of its sub-steps.

    Raises:
        DatasetError: a sub-step without gold code, or a case whose target cannot be read off.
        TargetError: gold code that fails.
    """
    upstream = problems_file.parent / "upstream"
    folder = upstream if upstream.is_dir() else None
    problems = load_problems(problems_file, upstream=folder, given=Given.WHOLE).problems
    programs = {key: value for p in problems for key, value in gold_programs(p).items()}
    plans = plan_steps(problems, frozenset(programs))
    async with SandboxPool(os.cpu_count() or 1, Limits(), required=Level.NONE) as pool:
        values = await asyncio.gather(
            *(_derive(pool, plans[step_id], program) for step_id, program in programs.items())
        )
    write_targets(output, dict(zip(programs, values, strict=True)))
    return len(programs)


def gold_programs(problem: Problem) -> dict[str, str]:
    """Return the gold program of every scored sub-step of a problem.

    Raises:
        DatasetError: a sub-step has neither gold nor given code.
    """
    earlier: list[str] = []
    programs: dict[str, str] = {}
    for step in problem.sub_steps:
        code = step.given or step.gold
        if code is None:
            raise DatasetError(
                f"sub-step {step.step_id} has no gold code to derive targets from; "
                "fill in its ground_truth_code"
            )
        if step.given is None:
            programs[step.step_id] = assemble_program(problem.dependencies, earlier, code)
        earlier.append(code)
    return programs


async def _derive(pool: SandboxPool, plan: StepPlan, program: str) -> list[object]:
    outcome = await pool.run(Job(program, tuple(case.child for case in plan.cases)))
    if outcome.ending is not Ending.COMPLETED:
        raise TargetError(
            f"the gold code of sub-step {plan.step_id} ended with {outcome.ending.value}: "
            f"{outcome.detail}; mend its ground_truth_code or its cases"
        )
    return [_target(plan, number, case.judge, outcome) for number, case in enumerate(plan.cases, 1)]


def _target(plan: StepPlan, number: int, case: JudgeCase, outcome: Outcome) -> object:
    """Evaluate what the target has to be, over the values that the gold program shipped."""
    if not case.uses_target:
        return None
    if case.derived is None:
        raise DatasetError(
            f"the target of case {number} of sub-step {plan.step_id} cannot be read off "
            f"`{case.text}`; compare each part of it with a value of the candidate"
        )
    values = decode_values(outcome.frames[number - 1])
    before = replace(case, source=without_target(case.source), uses_target=False)
    try:
        target = _evaluated(before, case.derived, values, None)
        held = target is not None and _evaluated(case, case.condition, values, target)
    except (SandboxError, ValueError, TypeError, LookupError) as error:
        raise _refusal(plan, number, case, f"cannot be compared: {error}") from error
    if target is None:
        raise _refusal(plan, number, case, "is None, which the targets file cannot hold")
    if not held:
        raise _refusal(plan, number, case, "does not pass its own case (is it not a number?)")
    return target


def _evaluated(case: JudgeCase, expression: str, values: list[object], target: object) -> object:
    namespace = judge_namespace(case, target)
    bind_slots(case, values, namespace)
    return evaluate(expression, namespace)


def _refusal(plan: StepPlan, number: int, case: JudgeCase, found: str) -> TargetError:
    return TargetError(
        f"the value of the gold code in case {number} of sub-step {plan.step_id} {found}: "
        f"`{case.text}`; mend its ground_truth_code or the case"
    )
