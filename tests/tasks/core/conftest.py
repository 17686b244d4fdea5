"""What the tests of a run's page share."""

from collections.abc import Callable, Mapping

import pytest

from tasks.core.json_value import JsonValue
from tasks.core.records import AttemptResult, StepKey
from tasks.core.report_records import RunFiles
from tasks.core.reporting import count_failures, count_reasons, metrics_document
from tasks.core.scoring import score

RunOf = Callable[..., RunFiles]


@pytest.fixture
def run_of() -> RunOf:
    """Make what the files of a finished run hold from its attempts."""

    def made(
        *attempts: AttemptResult,
        details: Mapping[StepKey, str] | None = None,
        record: Mapping[str, JsonValue] | None = None,
        usage: Mapping[str, JsonValue] | None = None,
        **settings: JsonValue,
    ) -> RunFiles:
        document = metrics_document(
            score(attempts), [], reasons=count_reasons(attempts), details=settings
        )
        document["failures"] = count_failures(attempts)
        return RunFiles(document, usage or {}, record or {}, attempts, details or {})

    return made
