"""`scicode-flows report` renders a run again, alike."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from flows.cli import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import FinishedRun


def test_the_command_makes_the_page_that_the_run_made(
    finished_run: FinishedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in finished_run.output.iterdir():
        if path.is_file() and path.name != "report.html":
            (copy / path.name).write_bytes(path.read_bytes())
    assert run(["report", str(copy)]) == 0
    assert capsys.readouterr().out == f"{copy / 'report.html'}\n"
    made, again = ((folder / "report.html").read_text() for folder in (finished_run.output, copy))
    assert again == made


def test_the_page_of_a_run_has_its_score_and_names(finished_run: FinishedRun) -> None:
    page = (finished_run.output / "report.html").read_text()
    metric = finished_run.document["metrics"]["subtask_accuracy"]
    assert f"{metric['numerator']} of {metric['denominator']} scored sub-steps passed" in page
    names = json.loads((finished_run.output / "run.json").read_text())["problem_names"]
    assert set(names) == {"1", "2"}
    assert all(name in page for name in names.values())
    assert "<td>complete</td>" in page


def test_an_unfinished_run_is_refused_with_what_completes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run.json").write_text("{}")
    assert run(["report", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: expected metrics.json in {tmp_path}, found none")
    assert f"once more with --output {tmp_path}, completes it" in error
