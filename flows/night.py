"""One night: what it evaluates, and what the ledger says before and after each checkpoint."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from flows.checkpoint_sources import check_sources, find_checkpoints
from flows.config import EvalConfig
from flows.dataset import Dataset, dataset_identity, load_dataset
from flows.inputs import load_prompt_template
from flows.nightly_config import NightlyConfig
from flows.sampling_config import SamplingConfig
from tasks.core.checkpoint_series import (
    Checkpoint,
    Entry,
    Failure,
    choose,
    in_series,
    is_due,
    run_name,
    scored_in_series,
)
from tasks.core.json_value import JsonValue
from tasks.core.run_comparison import Comparison, Passes, compare_runs
from tasks.core.trend import Row, trend
from tasks.evaluation_ledger import Ledger
from tasks.metrics_file import read_score
from tasks.rollouts_file import read_passes
from tasks.run_directory import check_writable


@dataclass(frozen=True, slots=True)
class Night:
    """What there is to do: `chosen`, in the order of evaluation, and why others are `left`."""

    config: NightlyConfig
    ledger: Ledger
    chosen: tuple[Checkpoint, ...]
    left: Mapping[str, str]
    passes: dict[str, Passes] = field(default_factory=dict[str, Passes])


def open_night(config: NightlyConfig) -> Night:
    """Check everything that no checkpoint is at fault for, and choose what is evaluated.

    Raises:
        ConfigError, DatasetError, TargetError: a setting or a file cannot be used.
        ProviderError: the endpoint cannot be asked for its models.
    """
    check_sources(config)
    check_writable(config.cache_dir)
    dataset = load_dataset(config)
    series = _series(config, dataset)
    found = find_checkpoints(config, dataset)
    ledger = Ledger(config.runs_root)
    ledger.open(series)
    entries = ledger.entries()
    checkpoints = in_series(found.checkpoints, config.order)
    due = [c for c in checkpoints if is_due(entries.get(c.identity), config.tries)]
    busy = {c.identity for c in due if ledger.is_claimed(c.identity)}
    chosen = choose(checkpoints, entries, busy, config.tries, config.per_night)
    left = dict(found.passed_over)
    for checkpoint in checkpoints:
        entry = entries.get(checkpoint.identity)
        if checkpoint.identity in busy:
            left[checkpoint.name] = "another night evaluates it now"
        elif checkpoint in due and checkpoint not in chosen:
            left[checkpoint.name] = "it waits for another night"
        elif entry is not None and entry.score is None and checkpoint not in due:
            left[checkpoint.name] = _given_up(entry)
    return Night(config, ledger, tuple(chosen), left)


def evaluation_of(night: Night, checkpoint: Checkpoint) -> EvalConfig:
    """Return the configuration that evaluates a checkpoint in its own run directory.

    Raises:
        ConfigError: the cost is limited and the price of this model is not known.
    """
    entry = night.ledger.entry(checkpoint.identity)
    run = run_name(checkpoint) if entry is None else entry.run
    return night.config.evaluation_of(checkpoint, night.config.runs_root / run)


def note_failure(
    night: Night, checkpoint: Checkpoint, flow_run_id: str | None, error: BaseException
) -> Entry:
    """Note in the ledger that an evaluation ended without a score."""
    entry = _entry(night, checkpoint)
    failure = Failure(_now(), str(error) or type(error).__name__)
    failed = replace(entry, failures=(*entry.failures, failure), flow_run_id=flow_run_id)
    night.ledger.write(failed)
    return failed


def note_score(night: Night, checkpoint: Checkpoint, flow_run_id: str | None) -> Entry:
    """Note in the ledger the score that an evaluation has written.

    Raises:
        EvalError: it has written none.
    """
    entry = _entry(night, checkpoint)
    score = read_score(night.config.runs_root / entry.run)
    scored = replace(entry, score=score, flow_run_id=flow_run_id, evaluated_at=_now())
    night.ledger.write(scored)
    night.passes.pop(entry.run, None)
    return scored


def series_rows(night: Night) -> list[Row]:
    """Compare every checkpoint that has a score with the earlier ones of the series."""
    entries = scored_in_series(night.ledger.entries().values(), night.config.order)
    return trend(entries, lambda a, b: _compare(night, a, b), night.config.least_drop)


def without_score(night: Night) -> list[Entry]:
    """Return the checkpoints whose every evaluation has failed, in the order of the series."""
    failed = {
        entry.checkpoint: entry
        for entry in night.ledger.entries().values()
        if entry.score is None and entry.failures
    }
    return [failed[checkpoint] for checkpoint in in_series(failed, night.config.order)]


def _compare(night: Night, before: Entry, after: Entry) -> Comparison:
    passes = [_passes(night, entry.run) for entry in (before, after)]
    return compare_runs(passes[0], passes[1], night.config.significance)


def _passes(night: Night, run: str) -> Passes:
    """Read a run once: every checkpoint is compared with the best one."""
    if run not in night.passes:
        night.passes[run] = read_passes(night.config.runs_root / run)
    return night.passes[run]


def _series(config: NightlyConfig, dataset: Dataset) -> dict[str, JsonValue]:
    """Return what all checkpoints of a series have in common: what else can change a score."""
    sampling = set(SamplingConfig.model_fields)
    return {
        **dataset_identity(config, dataset),
        "prompt_sha256": load_prompt_template(config).sha256,
        "background": config.background,
        "repeats": config.repeats,
        "extraction": config.extraction.value,
        **config.model_dump(mode="json", include=sampling),
    }


def _entry(night: Night, checkpoint: Checkpoint) -> Entry:
    known = night.ledger.entry(checkpoint.identity)
    if known is None:
        return Entry(checkpoint, run_name(checkpoint))
    return replace(known, checkpoint=checkpoint)


def _given_up(entry: Entry) -> str:
    last = entry.failures[-1]
    return (
        f"it is given up after {len(entry.failures)} tries, the last at {last.at}: {last.error}; "
        "raise --tries to try again"
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
