"""The default run directory: a new one for every run, and the same one for a retry."""

import re
from pathlib import Path

import pytest

from flows.record import new_run

FIRST = "0690d7f0-4c3e-7b1a-8000-5f2c9a1e77b3"
# Two flow runs of one moment: their ids begin alike.
SECOND = "0690d7f0-4c3e-7b1b-8000-a1b2c3d4e5f6"


def test_a_run_is_named_for_time_model_and_flow_run() -> None:
    name = new_run("org/my model", FIRST).name
    assert re.fullmatch(r"\d{8}-\d{6}-org-my-model-5f2c9a1e77b3", name)
    assert re.fullmatch(r"\d{8}-\d{6}-org-my-model", new_run("org/my model").name)


def test_a_flow_run_that_is_started_again_goes_on_in_its_own_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = Path("runs/20260101-020304-m-5f2c9a1e77b3")
    first.mkdir(parents=True)
    assert new_run("m", FIRST) == first
    assert new_run("m", SECOND) != first
    assert new_run("m") != first
