"""Nightly flow: new checkpoints -> evaluation of each -> comparison with the earlier ones -> news.

Each evaluation is a subflow and shares the cache. A checkpoint whose evaluation fails does not stop
the others; what ends the flow itself (cancelling, a lost server) leaves it as it was.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import cast

from prefect import State, flow
from prefect.states import aget_state_exception

from flows.config import EvalConfig
from flows.evaluation import evaluate
from flows.night import (
    Night,
    evaluation_of,
    note_failure,
    note_score,
    open_night,
    series_rows,
    without_score,
)
from flows.nightly_config import NightlyConfig
from flows.session import SESSION, session_in_use
from tasks.announcing import announce, flow_run_links, publish_trend
from tasks.core.checkpoint_series import Checkpoint, Entry, checkpoint_key, is_due
from tasks.core.errors import EvalError
from tasks.core.json_value import JsonValue
from tasks.core.listing import name_first
from tasks.core.trend import Row, change_document, change_text, trend_markdown
from tasks.metrics_file import read_values


@flow(name="nightly", flow_run_name="nightly {config.dataset}", persist_result=False)
async def nightly(config: NightlyConfig) -> dict[str, JsonValue]:
    """Evaluate the checkpoints that have no score yet, and return what became of each.

    Raises:
        EvalError: an evaluation failed; the others have been made, and it is tried again next
            night.
    """
    note = SESSION.get().progress.note
    night = await asyncio.to_thread(open_night, config)
    for name, reason in night.left.items():
        note(f"{name} is left: {reason}")
    evaluated: dict[str, JsonValue] = {}
    failed: dict[str, str] = {}
    for checkpoint in night.chosen:
        with night.ledger.claim(checkpoint.identity) as is_mine:
            known = night.ledger.entry(checkpoint.identity)
            if not is_mine or not is_due(known, config.tries):
                note(f"{checkpoint.name} is left: another night was first")
                continue
            entry = await _evaluate(night, checkpoint)
        if entry is None:
            failed[checkpoint.name] = "was cancelled, which does not count as a try"
            continue
        rows = await asyncio.to_thread(series_rows, night)
        row = next((row for row in rows if row.entry == entry), None)
        await _publish(night, rows)
        if row is None:
            failed[checkpoint.name] = _failed(entry, config.tries)
            note(f"{checkpoint.name} {failed[checkpoint.name]}")
        else:
            document = await asyncio.to_thread(_document, night, row)
            evaluated[checkpoint.name] = document
            await _announce(night, row, document)
            note(f"{checkpoint.name}: {_news(row)}")
    if failed:
        raise EvalError(_failures(failed, len(night.chosen)))
    return {"evaluated": evaluated, "left": dict(night.left)}


async def _evaluate(night: Night, checkpoint: Checkpoint) -> Entry | None:
    """Evaluate one checkpoint and note what came of it in the ledger; None if it was cancelled."""
    flow_run_id: str | None = None
    try:
        with session_in_use(replace(SESSION.get(), subject=checkpoint.name)):
            state = await _run(evaluation_of(night, checkpoint))
        flow_run_id = str(state.state_details.flow_run_id)
        if state.is_failed():
            return note_failure(night, checkpoint, flow_run_id, await aget_state_exception(state))
        if not state.is_completed():
            return None
        return await asyncio.to_thread(note_score, night, checkpoint, flow_run_id)
    except EvalError as error:
        return note_failure(night, checkpoint, flow_run_id, error)


async def _run(config: EvalConfig) -> State[dict[str, JsonValue]]:
    """Run the evaluation as a subflow."""
    state = cast("Awaitable[State[dict[str, JsonValue]]]", evaluate(config, return_state=True))
    return await state


async def _publish(night: Night, rows: list[Row]) -> None:
    """Publish the trend as it is now: a night that is cut short has published what it did."""
    config = night.config
    links = flow_run_links(row.entry.flow_run_id for row in rows if row.entry.flow_run_id)
    title = f"Checkpoints on {config.dataset}"
    markdown = trend_markdown(title, rows, without_score(night), links, config.tries)
    await publish_trend(config.artifact_key, markdown, title)


async def _announce(night: Night, row: Row, document: dict[str, JsonValue]) -> None:
    labels = {
        "dataset": night.config.dataset,
        "drop.previous": _said(row.previous is not None and row.previous.dropped),
        "drop.best": _said(row.best is not None and row.best.dropped),
    }
    checkpoint = row.entry.checkpoint
    await announce(checkpoint_key(checkpoint.identity), checkpoint.name, labels, document)


def _document(night: Night, row: Row) -> dict[str, JsonValue]:
    """Return what the event and the flow's result say of an evaluated checkpoint."""
    entry, score = row.entry, row.score
    run = night.config.runs_root / entry.run
    return {
        "checkpoint": entry.checkpoint.name,
        "identity": entry.checkpoint.identity,
        "dataset": night.config.dataset,
        "repeats": night.config.repeats,
        "subtask_accuracy": score.value,
        "passed": score.passed,
        "scored": score.scored,
        "interval": None if score.interval is None else list(score.interval),
        "previous": change_document(row.previous),
        "best": change_document(row.best),
        "metrics": dict(read_values(run)),
        "run": str(run),
        "flow_run_id": entry.flow_run_id,
    }


def _news(row: Row) -> str:
    text = f"subtask_accuracy {row.score.value:.4f} ({row.score.passed:g} of {row.score.scored})"
    for said, change in (("previous", row.previous), ("best before", row.best)):
        if change is not None:
            text += f"; against the {said}, {change.earlier}: {change_text(change)}"
    return text


def _failed(entry: Entry, tries: int) -> str:
    return f"failed, try {len(entry.failures)} of {tries}: {entry.failures[-1].error}"


def _failures(failed: dict[str, str], total: int) -> str:
    named = name_first([f"{name} {text}" for name, text in failed.items()])
    return (
        f"{len(failed)} of {total} evaluations have no score: {named}; the same command tries them "
        "again, up to their number of tries"
    )


def _said(truth: bool) -> str:  # noqa: FBT001 - one truth, as a label holds it
    return "true" if truth else "false"
