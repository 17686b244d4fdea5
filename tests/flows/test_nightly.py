"""Nights end to end: real flow, real endpoints, a served model, checkpoints on disk."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from prefect.events.schemas.automations import AutomationCore
from prefect.server.events.schemas.automations import EventTrigger
from prefect.server.events.schemas.events import ReceivedEvent

from flows.cli import run
from flows.config import validate
from flows.nightly import nightly
from flows.nightly_config import NightlyConfig
from flows.session import Session, session_in_use
from tasks.announcing import EVALUATED
from tasks.core.errors import EvalError
from tasks.core.records import Given
from tasks.dataset import load_problems
from tasks.endpoint.answers import StepBook, reference_answers
from tasks.endpoint.server import EmbeddedServer, create_app
from tasks.evaluation_ledger import Ledger

if TYPE_CHECKING:
    from flows.progress import Counted
    from tests.conftest import Endpoint, FinishedRun

ROOT = Path(__file__).parents[2]
AUTOMATION = ROOT / "deployments" / "automations" / "checkpoint-dropped.yaml"
PATIENCE_S = 60.0


@dataclass
class Notes:
    """Somebody who watches a night."""

    lines: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.lines.append(text)

    def expect(self, counted: Counted, total: int) -> None:
        pass

    def advance(self, counted: Counted, number: int = 1) -> None:
        pass


def config_of(file: Path, folder: Path, **settings: object) -> NightlyConfig:
    common = {
        "dataset": str(file),
        "runs_root": folder / "runs",
        "cache_dir": folder / "kept",
        "artifact_key": f"nightly-{folder.name.replace('_', '-').lower()}",
        "request_retries": 0,
        "workers": 2,
        "settle_s": 0,
    }
    return validate(NightlyConfig, {**common, **settings})


def go_through(config: NightlyConfig) -> tuple[dict[str, Any], list[str]]:
    """Run one night; return its result, or what failed, and its messages."""
    notes = Notes()
    try:
        with session_in_use(Session(progress=notes)):
            result = asyncio.run(nightly(config))
    except EvalError as error:
        result = {"failed": str(error)}
    return result, notes.lines


def write_checkpoint(folder: Path, answers: Path | None) -> None:
    """Write a checkpoint whose weights are the answers that it gives, or one that cannot answer."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.bin").write_bytes(folder.name.encode())
    if answers is not None:
        shutil.copy(answers, folder / "generations.jsonl")


@dataclass(frozen=True)
class ServedNight:
    """One night over a whole checkpoint, one that cannot be served, and half of one."""

    config: NightlyConfig
    result: dict[str, Any]
    notes: list[str]


@pytest.fixture(scope="module")
def served_night(
    finished_run: FinishedRun, shared_small: Path, tmp_path_factory: pytest.TempPathFactory
) -> ServedNight:
    folder = tmp_path_factory.mktemp("served")
    ckpts = folder / "ckpts"
    write_checkpoint(ckpts / "step-9", finished_run.output / "generations.jsonl")
    write_checkpoint(ckpts / "step-8", None)
    write_checkpoint(ckpts / "step-10", None)
    (ckpts / "step-10" / "model.bin").unlink()
    config = config_of(
        shared_small,
        folder,
        checkpoints=f"{ckpts}/step-*",
        serve_command=f"'{sys.executable}' -m flows replay {{checkpoint}} --port {{port}}",
    )
    return ServedNight(config, *go_through(config))


def test_a_failing_checkpoint_does_not_stop_the_others(served_night: ServedNight) -> None:
    """Step 8 comes first and has nothing to answer with; the server says so and ends."""
    failed = served_night.result["failed"]
    assert failed.startswith("1 of 2 evaluations have no score: step-8 failed, try 1 of 3: ")
    assert "generations.jsonl" in failed
    said = "step-9: subtask_accuracy 1.0000 (4 of 4)"
    assert said in served_night.notes
    entries = Ledger(served_night.config.runs_root).entries().values()
    by_name = {entry.checkpoint.name: entry for entry in entries}
    assert sorted(by_name) == ["step-8", "step-9"]
    score = by_name["step-9"].score
    assert score is not None
    assert (score.value, score.passed, score.scored) == (1.0, 4, 4)


def test_half_a_checkpoint_is_left(served_night: ServedNight) -> None:
    assert "step-10 is left: it has no weights" in served_night.notes
    assert not list(served_night.config.runs_root.glob("step-10*"))


def test_a_checkpoint_is_tried_again_until_its_tries_are_used_up(
    prefect_api: str, shared_small: Path, tmp_path: Path
) -> None:
    """Its cost is limited and its price unknown, which fails before anything is served."""
    del prefect_api
    write_checkpoint(tmp_path / "step-1", None)
    config = config_of(
        shared_small,
        tmp_path,
        checkpoint_list=[str(tmp_path / "step-1")],
        serve_command="serve {checkpoint} --port {port}",
        max_cost=1,
        tries=2,
    )
    first, second, third = (go_through(config)[0] for _ in range(3))
    assert "step-1 failed, try 1 of 2: max_cost: expected a price" in first["failed"]
    assert "try 2 of 2" in second["failed"]
    assert third["evaluated"] == {}
    assert "it is given up after 2 tries" in third["left"][str(tmp_path / "step-1")]


@pytest.fixture(scope="module")
def worse_model(shared_small: Path) -> Iterator[str]:
    """Serve m-1, which passes everything, m-2, which fails everything, and an alias."""
    problems = load_problems(shared_small, upstream=None, given=Given.WHOLE).problems
    good = reference_answers(problems)
    books = {
        "m-1": StepBook(problems, good),
        "m-2": StepBook(problems, dict.fromkeys(good, "I cannot.")),
        "m-latest": StepBook(problems, good),
    }
    with EmbeddedServer(create_app(books)) as server:
        yield server.base_url


@dataclass(frozen=True)
class DropNight:
    """One night in which m-2 is found far worse than m-1, and what the server has of it."""

    config: NightlyConfig
    result: dict[str, Any]
    notes: list[str]
    events: list[dict[str, Any]]
    artifacts: list[dict[str, Any]]


@pytest.fixture(scope="module")
def drop_night(
    prefect_api: str,
    worse_model: str,
    shared_small: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> DropNight:
    folder = tmp_path_factory.mktemp("drop")
    config = config_of(
        shared_small,
        folder,
        base_url=worse_model,
        model_template="m-{revision}",
        significance=0.6,
    )
    result, notes = go_through(config)
    with httpx.Client(base_url=prefect_api, trust_env=False, timeout=PATIENCE_S) as client:
        events = wait_for_events(client, str(folder))
        only = {"artifacts": {"key": {"any_": [config.artifact_key]}}}
        artifacts = client.post("/artifacts/filter", json=only).json()
    artifacts.sort(key=lambda artifact: artifact["created"])
    return DropNight(config, result, notes, events, artifacts)


def wait_for_events(client: httpx.Client, place: str) -> list[dict[str, Any]]:
    """Return the events of the runs below a folder, as soon as both have arrived."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        only = {"filter": {"event": {"name": [EVALUATED]}}, "limit": 50}
        events = client.post("/events/filter", json=only).json()["events"]
        found = [event for event in events if event["payload"]["run"].startswith(place)]
        if len(found) == 2:
            return sorted(found, key=lambda event: event["payload"]["checkpoint"])
        time.sleep(0.2)
    raise AssertionError("the events did not arrive")


def test_a_significant_drop_is_seen(drop_night: DropNight) -> None:
    """Both problems lose every sub-step: difference -1 in each, by chance with probability 1/2.

    That is below a significance of 0.6, so the interval is -1 to -1.
    """
    worse = drop_night.result["evaluated"]["m-2"]
    assert (worse["passed"], worse["scored"]) == (0, 4)
    assert worse["metrics"]["mean/problem_accuracy"] == 0.0
    expected = {
        "checkpoint": "m-1",
        "difference": -1.0,
        "interval": [-1.0, -1.0],
        "dropped": True,
        "lost": ["1.1", "1.2", "1.3", "2.2"],
        "gained": [],
    }
    assert worse["previous"] == worse["best"] == expected
    first = drop_night.result["evaluated"]["m-1"]
    assert (first["previous"], first["best"], first["subtask_accuracy"]) == (None, None, 1.0)
    said = "significant drop: -1.0000 (-1.0000 to -1.0000), 4 lost, 0 gained"
    assert any(f"against the previous, m-1: {said}" in note for note in drop_night.notes)


def test_an_alias_is_left_with_its_reason(drop_night: DropNight) -> None:
    assert "has no digit: an alias" in drop_night.result["left"]["m-latest"]


def test_the_events_arrive_with_the_metrics(drop_night: DropNight) -> None:
    good, worse = drop_night.events
    assert worse["payload"] == drop_night.result["evaluated"]["m-2"]
    label = {name: worse["resource"][f"scicode.{name}"] for name in ("drop.previous", "drop.best")}
    assert label == {"drop.previous": "true", "drop.best": "true"}
    assert good["resource"]["scicode.drop.previous"] == "false"
    assert worse["resource"]["prefect.resource.name"] == "m-2"
    related = {resource["prefect.resource.role"] for resource in worse["related"]}
    assert {"flow-run", "flow"} <= related


def test_the_example_automation_acts_on_the_drop_alone(drop_night: DropNight) -> None:
    content = yaml.safe_load(AUTOMATION.read_text())
    automation = AutomationCore.model_validate(content)
    trigger = EventTrigger.model_validate(automation.trigger.model_dump(mode="json"))
    covered = [trigger.covers(ReceivedEvent.model_validate(event)) for event in drop_night.events]
    assert covered == [False, True]
    assert trigger.immediate


def test_the_trend_has_a_version_for_each_score(drop_night: DropNight) -> None:
    first, second = (artifact["data"] for artifact in drop_night.artifacts)
    flow_runs = {n: done["flow_run_id"] for n, done in drop_night.result["evaluated"].items()}
    right, wrong = (f"| [{name}](/runs/flow-run/{flow_runs[name]}) | " for name in ("m-1", "m-2"))
    assert right in first
    assert "m-2" not in first
    lines = second.splitlines()
    assert lines[4].startswith(wrong)
    assert " | 0.0000<br>" in lines[4]
    assert "**significant drop**<br>-1.0000" in lines[4]
    assert lines[5].startswith(right)
    assert " | 1.0000<br>" in lines[5]


def test_the_command_line_finds_nothing_to_do(
    drop_night: DropNight, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = drop_night.config.model_dump(mode="json", exclude_unset=True)
    file = tmp_path / "nightly.yaml"
    file.write_text(yaml.safe_dump(given))
    assert run(["nightly", "--config", str(file)]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("nothing to do: no new checkpoint\n")
    assert "m-latest is left: " in captured.err


def test_a_series_of_other_settings_is_refused(
    drop_night: DropNight, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    given = drop_night.config.model_dump(mode="json", exclude_unset=True)
    file = tmp_path / "nightly.yaml"
    file.write_text(yaml.safe_dump(given))
    assert run(["nightly", "--config", str(file), "--repeats", "2"]) == 2
    assert "its repeats is 1, this one's is 2; give --runs-root" in capsys.readouterr().err


@contextmanager
def held(endpoint: Endpoint) -> Iterator[None]:
    """Let no answer out inside."""
    endpoint.gate = lambda _: False
    try:
        yield
    finally:
        endpoint.gate = None


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def test_two_nights_never_share_a_checkpoint_and_an_interrupted_one_uses_up_no_try(
    prefect_api: str, small: Path, endpoint: Endpoint, tmp_path: Path
) -> None:
    """The second comes while the first waits for its first answers; then the first is ended."""
    del prefect_api
    listed = ["reference=sha256:1"]
    config = config_of(small, tmp_path, base_url=endpoint.base_url, checkpoint_list=listed)

    async def both() -> dict[str, Any]:
        with held(endpoint):
            first = asyncio.create_task(nightly(config))
            await until(lambda: endpoint.in_flight == 2)
            second = await nightly(config)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
        return second

    left = {"reference": "another night evaluates it now"}
    assert asyncio.run(both()) == {"evaluated": {}, "left": left}
    assert set(endpoint.counts.values()) == {1}
    ledger = Ledger(config.runs_root)
    assert ledger.entries() == {}
    assert not ledger.is_claimed("reference=sha256:1")
    (record,) = config.runs_root.glob("reference-*/run.json")
    assert json.loads(record.read_text())["identity"]["checkpoint"] == "sha256:1"
