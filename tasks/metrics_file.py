"""report -> report: the figures of a finished run, read back from its metrics.json."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from tasks.core.checkpoint_series import Score
from tasks.core.errors import ConfigError
from tasks.strict_json import count, duration_s, mapping

METRICS = "metrics.json"
_HEADLINE = "subtask_accuracy"


def read_score(run: Path) -> Score:
    """Return the headline of a run.

    Raises:
        ConfigError: the directory holds no metrics of a finished evaluation.
    """
    try:
        metric = mapping(_metrics(run)[_HEADLINE])
        return parse_score(
            {**metric, "passed": metric["numerator"], "scored": metric["denominator"]}
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _refusal(run) from error


def read_values(run: Path) -> dict[str, float]:
    """Return the value of every metric of a run.

    Raises:
        ConfigError: the directory holds no metrics of a finished evaluation.
    """
    try:
        return {name: duration_s(mapping(m)["value"]) for name, m in _metrics(run).items()}
    except (KeyError, TypeError, ValueError) as error:
        raise _refusal(run) from error


def parse_score(fields: Mapping[str, object]) -> Score:
    """Read a score strictly; raises KeyError, TypeError or ValueError."""
    interval = fields["interval"]
    ends = None
    if isinstance(interval, list):
        low, high = (duration_s(end) for end in cast("list[object]", interval))
        ends = (low, high)
    value, passed = duration_s(fields["value"]), duration_s(fields["passed"])
    return Score(value, passed, count(fields["scored"]), ends)


def _metrics(run: Path) -> Mapping[str, object]:
    try:
        text = (run / METRICS).read_text(encoding="utf-8")
    except OSError as error:
        raise _refusal(run) from error
    return mapping(mapping(json.loads(text))["metrics"])


def _refusal(run: Path) -> ConfigError:
    return ConfigError(
        f"expected the metrics of a finished evaluation in {run / METRICS}, found none; evaluate "
        "again"
    )
