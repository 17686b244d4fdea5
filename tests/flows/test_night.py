"""What a night chooses, before any flow runs."""

import json
from pathlib import Path

import pytest

from flows.config import validate
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
from tasks.core.errors import ConfigError, ProviderError
from tasks.evaluation_ledger import Ledger


@pytest.fixture
def config(shared_small: Path, tmp_path: Path) -> NightlyConfig:
    for step in (9, 10, 11):
        folder = tmp_path / "ckpts" / f"step-{step}"
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        (folder / "model.bin").write_bytes(str(step).encode())
    settings = {
        "dataset": str(shared_small),
        "checkpoints": f"{tmp_path}/ckpts/step-*",
        "serve_command": "serve {checkpoint} --port {port}",
        "runs_root": tmp_path / "runs",
        "cache_dir": tmp_path / "kept",
        "settle_s": 0,
    }
    return validate(NightlyConfig, settings)


def changed(config: NightlyConfig, **settings: object) -> NightlyConfig:
    given = config.model_dump(exclude_unset=True)
    return validate(NightlyConfig, {**given, **settings})


def names(night: Night) -> list[str]:
    return [checkpoint.name for checkpoint in night.chosen]


def write_run(night: Night, number: int, passed: bool) -> None:  # noqa: FBT001 - a short helper
    """Write what an evaluation leaves, with one problem of one sub-step."""
    output = evaluation_of(night, night.chosen[number]).output
    assert output is not None
    output.mkdir(parents=True)
    metric = {"value": float(passed), "numerator": int(passed), "denominator": 1, "over": "x"}
    metrics = {"metrics": {"subtask_accuracy": {**metric, "interval": [0.0, 1.0]}}}
    (output / "metrics.json").write_text(json.dumps(metrics))
    rollout = {"problem_id": "1", "repeat": 0, "step_results": {"1.1": passed}}
    (output / "rollouts.jsonl").write_text(json.dumps(rollout) + "\n")


def test_a_first_night_takes_all_in_their_order(config: NightlyConfig) -> None:
    night = open_night(config)
    assert names(night) == ["step-9", "step-10", "step-11"]
    assert night.left == {}


def test_a_short_night_says_what_waits(config: NightlyConfig) -> None:
    night = open_night(changed(config, per_night=2))
    assert names(night) == ["step-10", "step-11"]
    assert night.left == {"step-9": "it waits for another night"}


def test_what_another_night_evaluates_is_left(config: NightlyConfig) -> None:
    night = open_night(config)
    with night.ledger.claim(night.chosen[2].identity):
        second = open_night(changed(config, per_night=1))
    assert names(second) == ["step-10"]
    assert second.left["step-11"] == "another night evaluates it now"


def test_a_checkpoint_with_a_score_is_not_taken_again(config: NightlyConfig) -> None:
    night = open_night(config)
    write_run(night, 0, passed=True)
    entry = note_score(night, night.chosen[0], "run-id")
    assert entry.score is not None
    assert (entry.score.passed, entry.score.scored, entry.flow_run_id) == (1, 1, "run-id")
    assert names(open_night(config)) == ["step-10", "step-11"]


def test_other_weights_in_the_same_folder_are_another_checkpoint(config: NightlyConfig) -> None:
    night = open_night(config)
    write_run(night, 0, passed=True)
    note_score(night, night.chosen[0], None)
    (Path(night.chosen[0].place) / "model.bin").write_bytes(b"trained further")
    again = open_night(config)
    assert names(again) == ["step-9", "step-10", "step-11"]
    assert (
        evaluation_of(again, again.chosen[0]).output != evaluation_of(night, night.chosen[0]).output
    )


def test_failures_are_counted_until_the_checkpoint_is_given_up(config: NightlyConfig) -> None:
    night = open_night(config)
    for _ in range(3):
        note_failure(night, night.chosen[0], None, ProviderError("no memory"))
    again = open_night(config)
    assert names(again) == ["step-10", "step-11"]
    assert again.left["step-9"].startswith("it is given up after 3 tries, the last at 2")
    assert again.left["step-9"].endswith(": no memory; raise --tries to try again")
    assert [entry.checkpoint.name for entry in without_score(again)] == ["step-9"]
    assert names(open_night(changed(config, tries=4)))[0] == "step-9"


def test_an_error_without_a_message_is_named(config: NightlyConfig) -> None:
    night = open_night(config)
    entry = note_failure(night, night.chosen[0], None, MemoryError())
    assert entry.failures[0].error == "MemoryError"


def test_an_evaluation_without_metrics_has_no_score(config: NightlyConfig) -> None:
    night = open_night(config)
    with pytest.raises(ConfigError, match="expected the metrics of a finished evaluation"):
        note_score(night, night.chosen[0], None)


def test_the_trend_is_that_of_the_series_however_it_was_evaluated(config: NightlyConfig) -> None:
    """Step 11 first, then 9: the row of 11 is compared with 9 all the same."""
    night = open_night(config)
    for number, passed in ((2, False), (0, True)):
        write_run(night, number, passed)
        note_score(night, night.chosen[number], None)
    first, second = series_rows(night)
    assert (first.entry.checkpoint.name, first.previous) == ("step-9", None)
    assert second.previous is not None
    assert second.previous.comparison is not None
    assert (second.previous.earlier, second.previous.comparison.lost) == ("step-9", ("1.1",))


def test_other_settings_are_another_series(config: NightlyConfig) -> None:
    open_night(config)
    with pytest.raises(ConfigError, match=r"its temperature is null, this one's is 0\.5"):
        open_night(changed(config, temperature=0.5))
    open_night(changed(config, workers=1, concurrency=2, tries=5))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dataset": "absent.jsonl"}, "the dataset needs absent.jsonl"),
        ({"serve_command": "serve {checkpoint}"}, r"expected \{port\}"),
        ({"base_url": "http://127.0.0.1:1/v1"}, "expected NAME=IDENTITY, found 'm'"),
        ({"base_url": None}, "the embedded endpoint serves reference"),
    ],
    ids=["dataset", "command", "identity", "embedded model"],
)
def test_trouble_of_no_checkpoint_ends_the_night(
    config: NightlyConfig, settings: dict[str, object], message: str
) -> None:
    if "base_url" in settings:
        listed = {"checkpoints": None, "checkpoint_list": "m", "serve_command": None}
        settings = {**settings, **listed}
    with pytest.raises(ConfigError, match=message):
        open_night(changed(config, **settings))
    assert Ledger(config.runs_root).entries() == {}


def test_an_endpoint_that_is_down_uses_up_no_try(config: NightlyConfig) -> None:
    settings = {"checkpoints": None, "serve_command": None, "base_url": "http://127.0.0.1:1/v1"}
    with pytest.raises(ProviderError, match="found not at all"):
        open_night(changed(config, **settings, checkpoint_list="m=1"))
