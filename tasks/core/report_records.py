"""metrics -> report: what the page of a run is made from, read back from its files."""

from collections.abc import Mapping
from dataclasses import dataclass

from tasks.core.json_value import JsonValue
from tasks.core.records import AttemptResult, StepKey


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files of one finished run.

    `document` is metrics.json, `usage` usage.json and `record` run.json; `usage` is empty where no
    model was asked. `details` holds what is told of each failed sub-step.
    """

    document: Mapping[str, JsonValue]
    usage: Mapping[str, JsonValue]
    record: Mapping[str, JsonValue]
    attempts: tuple[AttemptResult, ...]
    details: Mapping[StepKey, str]

    @property
    def repeats(self) -> int:
        """How often each problem was tried."""
        return len({attempt.repeat for attempt in self.attempts})


def mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    """Take an object; anything else counts as an empty one."""
    return value if isinstance(value, dict) else {}


def number(value: JsonValue) -> float | None:
    """Take a number; anything else counts as none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None
