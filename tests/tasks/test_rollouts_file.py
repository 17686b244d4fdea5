"""What passed is read back from a run's rollouts."""

import json
from pathlib import Path

import pytest

from tasks.core.errors import ConfigError
from tasks.rollouts_file import ROLLOUTS, read_passes


def write(folder: Path, *lines: object) -> Path:
    (folder / ROLLOUTS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def rollout(problem_id: str, **steps: object) -> dict[str, object]:
    return {"problem_id": problem_id, "repeat": 0, "step_results": steps, "reward": 0.0}


def test_passes_are_shares_of_the_repeats(tmp_path: Path) -> None:
    run = write(tmp_path, rollout("1", a=True, b=False), rollout("1", a=True, b=True), rollout("2"))
    assert read_passes(run) == {"1": {"a": 1.0, "b": 0.5}, "2": {}}


def test_a_run_without_rollouts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="found none: No such file"):
        read_passes(tmp_path)


@pytest.mark.parametrize("line", ["x", [], {"problem_id": "1"}, rollout("1", a=1)])
def test_lines_of_something_else_are_refused(tmp_path: Path, line: object) -> None:
    with pytest.raises(ConfigError, match="expected lines of an evaluation"):
        read_passes(write(tmp_path, line))
