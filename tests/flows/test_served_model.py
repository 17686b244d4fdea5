"""A checkpoint is served for the evaluation, and only where something has to be asked."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.config import EvalConfig
from tasks.core.errors import ConfigError, ProviderError

if TYPE_CHECKING:
    from tests.conftest import FinishedRun

Evaluate = Callable[[EvalConfig], dict[str, Any]]
MakeConfig = Callable[..., EvalConfig]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "step-100"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


@pytest.fixture
def served(
    small_config: MakeConfig, finished_run: FinishedRun, checkpoint: Path
) -> Callable[..., EvalConfig]:
    """Configure an evaluation whose served model is the replay of a finished run."""

    def make(**changes: object) -> EvalConfig:
        replay = f"'{sys.executable}' -m flows replay '{finished_run.output}' --port {{port}}"
        settings = {"base_url": None, "model": None, "checkpoint": str(checkpoint)}
        return small_config(**{**settings, "serve_command": replay, **changes})

    return make


def children() -> set[int]:
    """Processes below this one."""
    found, parents = {os.getpid()}, dict[int, int]()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    for _ in parents:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            break
        found |= more
    return found - {os.getpid()}


def test_a_served_checkpoint_is_evaluated_and_its_server_stopped(
    evaluate: Evaluate, served: MakeConfig, finished_run: FinishedRun
) -> None:
    before = children()
    config = served(repeats=2)
    document = evaluate(config)
    assert document["metrics"]["subtask_accuracy"]["value"] == 1.0
    assert document["details"]["model"] == "step-100"
    log = config.output / "server.log"
    assert "recorded answers at" in log.read_text()
    identity = json.loads((config.output / "run.json").read_text())["identity"]
    assert identity["checkpoint"].startswith("files:")
    assert (identity["model"], finished_run.asked_again) == ("step-100", 0)
    assert children() <= before


def test_no_server_is_started_where_all_answers_are_known(
    evaluate: Evaluate, served: MakeConfig, tmp_path: Path
) -> None:
    first = evaluate(served())
    again = served(output=tmp_path / "again", serve_command="no-such-server --port {port}")
    assert evaluate(again) == first
    assert not (again.output / "server.log").exists()


@pytest.mark.slow
def test_a_checkpoint_with_other_weights_is_another_model(
    evaluate: Evaluate, served: MakeConfig, checkpoint: Path, tmp_path: Path
) -> None:
    evaluate(served(problems="2"))
    (checkpoint / "model.safetensors").write_bytes(b"other weights")
    again = served(problems="2", output=tmp_path / "again")
    evaluate(again)
    run = json.loads((again.output / "run.json").read_text())
    assert (run["requests"], run["cached"]) == (1, 0)


def test_a_server_that_ends_says_why(evaluate: Evaluate, served: MakeConfig) -> None:
    """It asks for a port, prints its trouble, and ends."""
    script = "import sys; print('no memory on device 0'); sys.exit(3)"
    config = served(serve_command=f"'{sys.executable}' -c \"{script}\" {{port}}")
    with pytest.raises(ProviderError, match="no memory on device 0"):
        evaluate(config)
    assert json.loads((config.output / "run.json").read_text())["status"] == "failed"


def test_a_command_without_a_port_is_refused_before_anything_starts(served: MakeConfig) -> None:
    from flows.inputs import load_inputs

    with pytest.raises(ConfigError, match=r"\{port\}"):
        load_inputs(served(serve_command="serve {checkpoint}"))


@pytest.mark.slow
def test_another_name_than_the_served_one_is_refused(
    evaluate: Evaluate, served: MakeConfig
) -> None:
    with pytest.raises(
        ConfigError, match="expected the served model to be 'other', found recorded"
    ):
        evaluate(served(model="other"))
