"""A small targets file, and requests made from cases and values."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tasks.core.records import Ending
from tasks.core.splitting.split import split_cases
from tasks.judge.messages import Request
from tasks.sandbox.wire import encode_values
from tasks.targets import write_targets

FRAME_BYTES = 2**26


@pytest.fixture
def targets(tmp_path: Path) -> Path:
    """Targets of 1.1 (6.0 and 12.0), of 1.2 (True), and of 1.3 (none for its case)."""
    path = tmp_path / "targets.h5"
    write_targets(path, {"1.1": [6.0, 12.0], "1.2": [True], "1.3": [None]})
    return path


@pytest.fixture
def request_for() -> Callable[..., Request]:
    """Make a request of a sub-step's cases and the values that its child shipped for each."""

    def make(
        step_id: str,
        cases: Sequence[str],
        *values: Sequence[object] | bytes,
        ending: Ending = Ending.COMPLETED,
    ) -> Request:
        parts = tuple(part.judge for part in split_cases(step_id, cases))
        frames = (v if isinstance(v, bytes) else encode_values(v, FRAME_BYTES) for v in values)
        return Request(step_id, parts, ending, "", tuple(frames))

    return make
