"""Flow: judge given programs, without a model."""

import asyncio
from collections.abc import Mapping

from prefect import flow

from flows.config import VerifyConfig
from flows.dataset import load_dataset, make_verifier
from flows.failures import find_inherited, step_results
from flows.lines import rollout_line, verdict_line
from flows.programs import AttemptPrograms, load_attempt_programs, verify_identity
from flows.progress import Counted, Progress
from flows.record import RunRecord, dataset_details, new_run
from flows.session import SESSION
from tasks.artifacts import publish
from tasks.core.chain import recover_chain
from tasks.core.json_value import JsonValue
from tasks.core.records import AttemptResult, Problem, Scored, StepKey, Usage, Verdict
from tasks.metrics import aggregate, given_counts, problem_table
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
    output = config.output or new_run("verify")
    programs = load_attempt_programs(config.programs, dataset)
    details = {**dataset_details(config, dataset), "programs": sum(len(p.lines) for p in programs)}
    session.progress.expect(Counted.VERIFICATIONS, sum(len(p.lines) for p in programs))
    problems = {problem.problem_id: problem for problem in dataset.problems}
    verifier = make_verifier(config, dataset)
    with (
        RunDirectory(output, verify_identity(config, dataset)) as directory,
        RunRecord(directory, config, dataset) as record,
    ):
        verdicts = directory.log("verdicts.jsonl")
        async with verifier:
            record.note_isolation(verifier.isolation)
            attempts = await _verify_all(verifier, programs, problems, verdicts, session.progress)
        verdicts.finish()
        directory.write_lines("rollouts.jsonl", list(map(rollout_line, attempts)))
        document = aggregate(
            attempts,
            given_counts(dataset.problems),
            details,
            dataset.benchmark,
            restricted=config.scored is not Scored.ALL,
        )
        table = problem_table(attempts, dataset.problems)
        await publish(document, table, config.programs.name, dataset.name)
        directory.write_json("metrics.json", document)
        record.complete()
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
        verdict = await verify(verifier, attempt.repeat, line.step_id, line.program, None)
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
