"""Top flow: load, fan out one subflow per problem, aggregate, publish."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from prefect import flow

from flows.config import EvalConfig, read_key
from flows.inputs import Inputs, load_inputs, run_identity
from flows.lines import rollout_line
from flows.opening import Opened, open_verifier
from flows.problem import evaluate_problem
from flows.progress import Counted
from flows.record import RunRecord, new_run, run_details, run_header, verifier_details
from flows.runtime import Runtime, Turns, runtime_in_use
from flows.session import SESSION
from tasks.artifacts import publish
from tasks.chat import ChatClient
from tasks.core.json_value import JsonValue
from tasks.core.model_settings import EndpointSettings
from tasks.core.records import AttemptResult, Scored
from tasks.core.remarks import collect_remarks
from tasks.endpoint.server import EmbeddedServer, create_app
from tasks.generation import CachedModel
from tasks.generation_cache import GenerationCache
from tasks.metrics import aggregate, given_counts, problem_table
from tasks.run_directory import RunDirectory
from tasks.verifier import Verifier


@flow(name="evaluate", flow_run_name="evaluate {config.dataset}", persist_result=False)
async def evaluate(config: EvalConfig) -> dict[str, JsonValue]:
    """Evaluate one model and return the content of metrics.json.

    Raises:
        EvalError: the evaluation could not be completed; the run directory keeps what there is.
    """
    session = SESSION.get()
    inputs = session.inputs or load_inputs(config)
    output = config.output or new_run(config.model_name)
    async with AsyncExitStack() as stack:
        # What can still turn out to be unusable is tried here, before the run leaves any file.
        client = _connect(config, inputs, stack)
        identity = run_identity(config, inputs)
        opened = await open_verifier(config, inputs.dataset, stack)
        inputs = replace(inputs, dataset=opened.dataset)
        directory = stack.enter_context(RunDirectory(output, identity))
        record = stack.enter_context(RunRecord(directory, config, inputs.dataset))
        record.note_verifier(opened)
        runtime = _gather(config, inputs, opened.verifier, client, directory)
        stack.callback(runtime.generations.close)
        stack.callback(runtime.verdicts.close)
        doing = f"evaluating {config.model_name}"
        runtime.progress.note(run_header(doing, opened, output, config.repeats))
        attempts = await _fan_out(config, inputs, runtime)
        runtime.generations.finish()
        runtime.verdicts.finish()
        directory.write_lines("rollouts.jsonl", list(map(rollout_line, attempts)))
        document = await _publish(config, inputs, opened, attempts)
        directory.write_json("metrics.json", document)
        record.complete(opened.verifier.programs_run, runtime.model.asked, runtime.model.cached)
    return document


def _connect(config: EvalConfig, inputs: Inputs, stack: AsyncExitStack) -> ChatClient:
    """Make the client, and start the embedded endpoint if no other one is asked for."""
    base_url = config.base_url
    if base_url is None:
        base_url = stack.enter_context(EmbeddedServer(create_app(inputs.books))).base_url
    endpoint = EndpointSettings(
        base_url, config.request_timeout_s, config.request_retries, config.request_wait_s
    )
    client = ChatClient(endpoint, read_key(config.api_key_env))
    stack.push_async_callback(client.aclose)
    return client


def _gather(
    config: EvalConfig,
    inputs: Inputs,
    verifier: Verifier,
    client: ChatClient,
    directory: RunDirectory,
) -> Runtime:
    """Gather what the subflows share."""
    cache = GenerationCache(config.cache_dir / "generations")
    return Runtime(
        problems={problem.problem_id: problem for problem in inputs.dataset.problems},
        template=inputs.template.text,
        background=config.background,
        repeats=config.repeats,
        model=CachedModel(client, inputs.settings, cache, config.concurrency),
        verifier=verifier,
        generations=directory.log("generations.jsonl"),
        verdicts=directory.log("verdicts.jsonl"),
        progress=SESSION.get().progress,
        turns=Turns(config.live_problems or 8),
    )


async def _fan_out(config: EvalConfig, inputs: Inputs, runtime: Runtime) -> list[AttemptResult]:
    """Run every problem's subflow, in fixed order, a limited number at a time.

    The first failure stops further requests; what is in flight is still kept.
    """
    problems = inputs.dataset.problems
    written = sum(step.given is None for problem in problems for step in problem.sub_steps)
    runtime.progress.expect(Counted.PROBLEMS, len(problems))
    runtime.progress.expect(Counted.GENERATIONS, written * config.repeats)
    runtime.progress.expect(Counted.VERIFICATIONS, len(inputs.dataset.scored) * config.repeats)

    async def run(problem_id: str) -> list[AttemptResult]:
        async with runtime.turns.turn(problem_id):
            runtime.stop.check()
            return await evaluate_problem(problem_id)

    with runtime_in_use(runtime):
        runs = [run(problem.problem_id) for problem in problems]
        results = await asyncio.gather(*runs, return_exceptions=True)
    runtime.stop.check()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [attempt for result in results if isinstance(result, list) for attempt in result]


async def _publish(
    config: EvalConfig, inputs: Inputs, opened: Opened, attempts: Sequence[AttemptResult]
) -> dict[str, JsonValue]:
    dataset = inputs.dataset
    document = aggregate(
        attempts,
        given_counts(dataset.problems),
        {**run_details(config, inputs), **verifier_details(config, opened)},
        dataset.benchmark,
        restricted=config.scored is not Scored.ALL or bool(opened.left_out),
        remarks=collect_remarks(attempts, config.confirm_rule, dataset.guessable),
    )
    table = problem_table(attempts, dataset.problems)
    await publish(document, table, config.model_name, dataset.name)
    return document
