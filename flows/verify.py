"""Flow: judge given programs, without a model."""

import asyncio

from prefect import flow

from flows.config import VerifyConfig
from flows.dataset import load_dataset, make_verifier
from flows.lines import rollout_line, verdict_line
from flows.programs import AttemptPrograms, load_attempt_programs, verify_identity
from flows.progress import Counted, Progress
from flows.record import RunRecord, dataset_details, new_run, run_header
from flows.session import SESSION
from tasks.artifacts import publish
from tasks.core.json_value import JsonValue
from tasks.core.records import AttemptResult, Scored, StepKey, StepResult, Usage
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
    verifier = make_verifier(config, dataset)
    with (
        RunDirectory(output, verify_identity(config, dataset)) as directory,
        RunRecord(directory, config, dataset) as record,
    ):
        verdicts = directory.log("verdicts.jsonl")
        async with verifier:
            record.note_isolation(verifier.isolation)
            doing = f"verifying {details['programs']} programs"
            session.progress.note(run_header(doing, dataset, verifier.isolation, output))
            attempts = await _verify_all(verifier, programs, verdicts, session.progress)
        verdicts.finish()
        directory.write_lines("rollouts.jsonl", list(map(rollout_line, attempts)))
        document = aggregate(
            attempts,
            given_counts(dataset.problems),
            details,
            dataset.benchmark,
            restricted=config.scored is not Scored.ALL,
            rule=config.confirm_rule,
        )
        table = problem_table(attempts, dataset.problems)
        await publish(document, table, config.programs.name, dataset.name)
        directory.write_json("metrics.json", document)
        record.complete()
    return document


async def _verify_all(
    verifier: Verifier, programs: list[AttemptPrograms], verdicts: LineLog, progress: Progress
) -> list[AttemptResult]:
    async def one(attempt: AttemptPrograms, index: int) -> StepResult:
        line = attempt.lines[index]
        verdict = await verify(verifier, attempt.repeat, line.step_id, line.program, None)
        key = StepKey(attempt.problem_id, attempt.repeat, line.step_id)
        verdicts.append(key, verdict_line(verdict))
        progress.advance(Counted.VERIFICATIONS)
        return StepResult.of(line.step_id, verdict)

    async def whole(attempt: AttemptPrograms) -> AttemptResult:
        steps = await asyncio.gather(*(one(attempt, i) for i in range(len(attempt.lines))))
        return AttemptResult(attempt.problem_id, attempt.repeat, tuple(steps), Usage(0, 0))

    return await asyncio.gather(*map(whole, programs))
