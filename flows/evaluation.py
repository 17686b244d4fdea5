"""Top flow: load, fan out one subflow per problem, aggregate, publish."""

from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from prefect import flow
from prefect.runtime import flow_run

from flows.config import EvalConfig
from flows.fan_out import counts, fan_out, in_order, incomplete, run_usage, usage_of
from flows.inputs import Inputs, load_inputs, run_identity
from flows.lines import rollout_line
from flows.live import CountedProgress, shown_live
from flows.model_opening import open_model
from flows.opening import Opened, open_verifier
from flows.record import RunRecord, new_run, run_details, run_header, verifier_details
from flows.runtime import Runtime
from flows.session import SESSION
from flows.turns import Turns
from tasks.artifacts import publish
from tasks.core.json_value import JsonValue
from tasks.core.records import Scored
from tasks.core.remarks import collect_remarks
from tasks.core.spending import lasting_usage, usage_remark
from tasks.generation import CachedModel
from tasks.metrics import aggregate, given_counts, problem_table
from tasks.report_file import REPORT, write_report
from tasks.run_directory import RunDirectory
from tasks.run_label import label_flow_run
from tasks.stop_signal import StopSignal
from tasks.verifier import Verifier


@flow(
    name="evaluate", flow_run_name="{config.model_name} on {config.dataset}", persist_result=False
)
async def evaluate(config: EvalConfig) -> dict[str, JsonValue]:
    """Evaluate one model and return the content of metrics.json.

    Raises:
        EvalError: the evaluation could not be completed; the run directory keeps what there is.
    """
    session = SESSION.get()
    inputs = session.inputs or load_inputs(config)
    output = config.output or new_run(config.model_name, flow_run.id)
    stop = StopSignal()
    title = f"{session.subject or config.model_name} on {inputs.dataset.name}"
    tags = ("scicode", f"dataset:{inputs.dataset.name}", f"model:{config.model_name}")
    await label_flow_run(title, *tags)
    async with AsyncExitStack() as stack:
        # What can still turn out to be unusable is tried here, before the run leaves any file.
        identity = run_identity(config, inputs)
        opened = await open_verifier(config, inputs.dataset, stack)
        inputs = replace(inputs, dataset=opened.dataset)
        directory = stack.enter_context(RunDirectory(output, identity))
        record = stack.enter_context(RunRecord(directory, config, inputs.dataset))
        record.note_verifier(opened)
        doing = f"evaluating {config.model_name}"
        session.progress.note(run_header(doing, opened, output, config.repeats))
        model = await open_model(config, inputs, output, stop, stack)
        runtime = _gather(config, inputs, opened.verifier, model, directory, stop)
        record.count(lambda: counts(runtime))
        stack.callback(runtime.generations.close)
        stack.callback(runtime.verdicts.close)
        stack.callback(lambda: directory.write_json("usage.json", usage_of(runtime)))
        async with shown_live(runtime.progress, lambda: run_usage(runtime)):
            await fan_out(runtime, stop)
        attempts = in_order(runtime)
        runtime.generations.finish()
        runtime.verdicts.finish()
        directory.write_lines("rollouts.jsonl", list(map(rollout_line, attempts)))
        if runtime.unanswered:
            directory.remove("metrics.json")
            directory.remove(REPORT)
            raise incomplete(runtime, output)
        document = await _publish(config, inputs, opened, runtime, output / REPORT)
        directory.write_json("metrics.json", document)
        record.complete()
    # Last, since usage.json is written when the stack is left.
    write_report(output)
    return document


def _gather(
    config: EvalConfig,
    inputs: Inputs,
    verifier: Verifier,
    model: CachedModel,
    directory: RunDirectory,
    stop: StopSignal,
) -> Runtime:
    """Gather what the subflows share."""
    return Runtime(
        problems={problem.problem_id: problem for problem in inputs.dataset.problems},
        template=inputs.template.text,
        background=config.background,
        extraction=config.extraction,
        repeats=config.repeats,
        model=model,
        verifier=verifier,
        generations=directory.log("generations.jsonl"),
        verdicts=directory.log("verdicts.jsonl"),
        progress=CountedProgress(SESSION.get().progress),
        price=inputs.price,
        turns=Turns(config.concurrency, config.live_problems),
        stop=stop,
    )


async def _publish(
    config: EvalConfig, inputs: Inputs, opened: Opened, runtime: Runtime, report: Path
) -> dict[str, JsonValue]:
    dataset, attempts = inputs.dataset, in_order(runtime)
    remarks = collect_remarks(attempts, config.confirm_rule, dataset.guessable)
    uncounted = usage_remark(runtime.spent)
    document = aggregate(
        attempts,
        given_counts(dataset.problems),
        {**run_details(config, inputs), **verifier_details(config, opened)},
        dataset.benchmark,
        restricted=config.scored is not Scored.ALL or bool(opened.left_out),
        remarks=[*remarks, *([uncounted] if uncounted else [])],
    )
    usage = run_usage(runtime)
    table = problem_table(attempts, dataset.problems)
    shown = {**document, "usage": usage}
    await publish(shown, table, config.model_name, dataset.name, report, runtime.flow_runs)
    return {**document, "usage": lasting_usage(usage)}
