"""Figures of a finished run are read back, and nothing else is taken for one."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.core.checkpoint_series import Score
from tasks.core.errors import ConfigError
from tasks.metrics_file import METRICS, read_score, read_values

if TYPE_CHECKING:
    from tests.conftest import FinishedRun


def test_the_figures_of_a_real_run_are_read(finished_run: "FinishedRun") -> None:
    """Both repeats of all 4 scored sub-steps passed."""
    score = read_score(finished_run.output)
    assert (score.value, score.passed, score.scored) == (1.0, 8, 8)
    assert score.interval is not None
    values = read_values(finished_run.output)
    assert values["subtask_accuracy"] == 1.0
    assert values["mean/problem_accuracy/std_dev_across_runs"] == 0.0
    assert sorted(values) == sorted(finished_run.document["metrics"])


def test_a_score_may_lack_an_interval(tmp_path: Path) -> None:
    metric = {"value": 0.5, "numerator": 1, "denominator": 2, "interval": None}
    (tmp_path / METRICS).write_text(json.dumps({"metrics": {"subtask_accuracy": metric}}))
    assert read_score(tmp_path) == Score(0.5, 1, 2, None)


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"metrics": {"subtask_accuracy": {}}}'])
def test_anything_else_is_refused(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / METRICS).write_text(text)
    for read in (read_score, read_values):
        with pytest.raises(ConfigError, match="expected the metrics of a finished evaluation"):
            read(tmp_path)
