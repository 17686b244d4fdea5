"""report -> report: which sub-steps passed in a run, read back from its rollouts.jsonl."""

import json
from collections import defaultdict
from pathlib import Path

from tasks.core.errors import ConfigError
from tasks.core.run_comparison import Passes
from tasks.strict_json import mapping, text

ROLLOUTS = "rollouts.jsonl"


def read_passes(run: Path) -> Passes:
    """Return, by problem and sub-step, the share of the repeats in which a sub-step passed.

    Args:
        run: the directory of a finished run.

    Raises:
        ConfigError: it holds no rollouts, or others than an evaluation writes.
    """
    file = run / ROLLOUTS
    results: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    try:
        for line in file.read_text(encoding="utf-8").splitlines():
            fields = mapping(json.loads(line))
            steps = results[text(fields["problem_id"])]
            for step_id, passed in mapping(fields["step_results"]).items():
                steps[step_id].append(_truth(passed))
    except OSError as error:
        raise ConfigError(
            f"expected the rollouts of a finished run in {file}, found none: {error.strerror}; "
            "give a run directory with status complete"
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"expected lines of an evaluation in {file}, found another: {error!r}; evaluate again"
        ) from error
    return {
        problem: {step: sum(passed) / len(passed) for step, passed in steps.items()}
        for problem, steps in results.items()
    }


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("expected true or false")
    return value
