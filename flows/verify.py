"""Flow: judge given programs, without a model."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack

from prefect import flow
from prefect.runtime import flow_run

from flows.config import VerifyConfig
from flows.dataset import load_dataset
from flows.failures import find_inherited, step_results
from flows.lines import rollout_line, verdict_line
from flows.opening import open_verifier
from flows.programs import AttemptPrograms, load_attempt_programs, verify_identity
from flows.progress import Counted, Progress
from flows.record import RunRecord, dataset_details, new_run, run_header, verifier_details
from flows.session import SESSION
from tasks.artifacts import publish
from tasks.core.chain import recover_chain
from tasks.core.json_value import JsonValue
from tasks.core.records import (
    OVERFLOW,
    AttemptResult,
    Problem,
    Scored,
    StepKey,
    Usage,
    Verdict,
)
from tasks.core.remarks import collect_remarks
from tasks.core.truncation import explain_truncation
from tasks.metrics import aggregate, given_counts, problem_table
from tasks.report_file import REPORT, write_report
from tasks.run_directory import LineLog, RunDirectory
from tasks.verification import verify
from tasks.verifier import Verifier


@flow(name="verify", flow_run_name="verify {config.dataset}", persist_result=False)
async def verify_programs(config: VerifyConfig) -> dict[str, JsonValue]:
    """Verify the programs of a file and return the content of metrics.json.

    Raises:
        EvalError: the verification could not be completed.
    """
    session = SESSION.get()
    dataset = session.dataset or load_dataset(config)
    output = config.output or new_run("verify", flow_run.id)
    identity = verify_identity(config, dataset)
    async with AsyncExitStack() as stack:
        programs = load_attempt_programs(config.programs, dataset)
        tried = frozenset(attempt.problem_id for attempt in programs)
        opened = await open_verifier(config, dataset, stack, tried)
        dataset = opened.dataset
        programs = [p for p in programs if p.problem_id not in opened.left_out]
        number = sum(len(attempt.lines) for attempt in programs)
        session.progress.expect(Counted.VERIFICATIONS, number)
        directory = stack.enter_context(RunDirectory(output, identity))
        record = stack.enter_context(RunRecord(directory, config, dataset))
        record.note_verifier(opened)
        record.count(lambda: {"programs_run": opened.verifier.programs_run})
        verdicts = directory.log("verdicts.jsonl")
        stack.callback(verdicts.close)
        session.progress.note(run_header(f"verifying {number} programs", opened, output))
        problems = {problem.problem_id: problem for problem in dataset.problems}
        attempts = await _verify_all(
            opened.verifier, programs, problems, verdicts, session.progress
        )
        verdicts.finish()
        directory.write_lines("rollouts.jsonl", list(map(rollout_line, attempts)))
        document = aggregate(
            attempts,
            given_counts(dataset.problems),
            {
                **dataset_details(config, dataset),
                **verifier_details(config, opened),
                "programs": number,
            },
            dataset.benchmark,
            restricted=config.scored is not Scored.ALL or bool(opened.left_out),
            remarks=collect_remarks(attempts, config.confirm_rule, dataset.guessable),
        )
        table = problem_table(attempts, dataset.problems)
        await publish(document, table, config.programs.name, dataset.name, output / REPORT)
        directory.write_json("metrics.json", document)
        record.complete()
        write_report(output)
    return document


async def _verify_all(
    verifier: Verifier,
    programs: list[AttemptPrograms],
    problems: Mapping[str, Problem],
    verdicts: LineLog,
    progress: Progress,
) -> list[AttemptResult]:
    async def one(attempt: AttemptPrograms, index: int) -> Verdict:
        line = attempt.lines[index]
        verdict = OVERFLOW
        if not line.overlong:
            verdict = await verify(
                verifier, attempt.repeat, line.step_id, line.program, line.candidate
            )
            verdict = explain_truncation(verdict, line.finish_reason)
        key = StepKey(attempt.problem_id, attempt.repeat, line.step_id)
        verdicts.append(key, verdict_line(verdict))
        progress.advance(Counted.VERIFICATIONS)
        return verdict

    async def whole(attempt: AttemptPrograms) -> AttemptResult:
        found = await asyncio.gather(*(one(attempt, i) for i in range(len(attempt.lines))))
        by_step = {line.step_id: v for line, v in zip(attempt.lines, found, strict=True)}
        problem = problems[attempt.problem_id]
        texts = {line.step_id: line.program for line in attempt.lines}
        chain = recover_chain(problem, texts, by_step)
        inherited = await find_inherited(verifier, problem.dependencies, chain)
        for step_id, verdict in inherited.items():
            key = StepKey(attempt.problem_id, attempt.repeat, step_id)
            verdicts.append(key, verdict_line(verdict))
        steps = step_results(by_step | inherited)
        return AttemptResult(attempt.problem_id, attempt.repeat, steps, Usage(0, 0))

    return await asyncio.gather(*map(whole, programs))
