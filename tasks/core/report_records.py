"""metrics -> report: what the page of a run is made from, read back from its files."""

from collections.abc import Mapping
from dataclasses import dataclass

from tasks.core.html_elements import clipped
from tasks.core.json_value import JsonValue
from tasks.core.records import AttemptResult, StepKey

_MOST_ID = 40


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

    @property
    def names(self) -> dict[str, str]:
        """The names of problems by their ids, where the run tells them."""
        names = mapping(self.record.get("problem_names"))
        return {problem_id: str(name) for problem_id, name in names.items()}


def mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    """Take an object; anything else counts as an empty one."""
    return value if isinstance(value, dict) else {}


def number(value: JsonValue) -> float | None:
    """Take a number; anything else counts as none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None


def short_id(identifier: str) -> str:
    """Return an id of a problem or sub-step; no dataset needs one as long as the limit."""
    return clipped(identifier, _MOST_ID)
