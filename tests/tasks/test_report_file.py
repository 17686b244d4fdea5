"""A run's page is made from what stands in its directory, and from nothing that is damaged."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.core.errors import DatasetError
from tasks.core.records import AttemptResult, Reason, StepKey, StepResult, Usage
from tasks.core.reporting import metrics_document
from tasks.core.scoring import score
from tasks.report_file import read_run, write_report

ATTEMPT = AttemptResult(
    "1",
    0,
    (StepResult("1.1", Reason.WRONG_ANSWER), StepResult("1.2", Reason.EXCEPTION, "1.1")),
    Usage(3, 2),
)


def verdict(step_id: str, reason: str, detail: str = "", **fields: object) -> dict[str, object]:
    key = {"problem_id": "1", "repeat": 0, "step_id": step_id}
    return {**key, "passed": reason == "passed", "reason": reason, "detail": detail, **fields}


VERDICTS = [
    verdict("1.1", "wrong_answer", "case 1"),
    verdict("1.2", "exception", "ValueError", inherited_from="1.1"),
]
ROLLOUT = {
    "problem_id": "1",
    "repeat": 0,
    "step_results": {"1.1": False, "1.2": False},
    "input_tokens": 3,
    "output_tokens": 2,
}


def write_lines(path: Path, *lines: object) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return the directory of a run of one problem with two failures."""
    document = metrics_document(score([ATTEMPT]), [], reasons={}, details={"model": "m"})
    (tmp_path / "metrics.json").write_text(json.dumps(document))
    (tmp_path / "run.json").write_text(json.dumps({"problem_names": {"1": "one"}}))
    write_lines(tmp_path / "verdicts.jsonl", *VERDICTS)
    write_lines(tmp_path / "rollouts.jsonl", ROLLOUT)
    return tmp_path


def test_attempts_are_put_together_from_rollouts_and_verdicts(run: Path) -> None:
    files = read_run(run)
    assert files.attempts == (ATTEMPT,)
    assert files.details == {StepKey("1", 0, "1.1"): "case 1", StepKey("1", 0, "1.2"): "ValueError"}
    assert files.names == {"1": "one"}
    assert files.usage == {}


def test_the_page_is_written_into_the_directory_for_everybody_who_sees_it(run: Path) -> None:
    path = write_report(run)
    assert path == run / "report.html"
    assert "<h1>m on unknown problems</h1>" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o644
    assert write_report(run) == path
    assert not list(run.glob(".report*"))


def test_the_newest_verdict_of_a_sub_step_counts(run: Path) -> None:
    write_lines(run / "verdicts.jsonl", verdict("1.1", "timeout"), *VERDICTS)
    assert read_run(run).attempts == (ATTEMPT,)


def test_verdicts_of_a_later_start_and_a_cut_line_are_passed_over(run: Path) -> None:
    later = {**verdict("1.1", "passed"), "repeat": 1}
    write_lines(run / "verdicts.jsonl", *VERDICTS, later)
    with (run / "verdicts.jsonl").open("a") as file:
        file.write('{"problem_id": "1", "rep')
    assert read_run(run).attempts == (ATTEMPT,)


def test_hostile_details_are_kept_out_of_the_page_s_markup(
    run: Path, read_page: Callable[[str], Any]
) -> None:
    hostile = "</pre></script><script>alert(1)</script><img src=x onerror=alert(1)>\0\ud800\u202e"
    lines = [verdict("1.1", "wrong_answer", hostile), verdict("1.2", "exception", "x" * 1_000_000)]
    write_lines(run / "verdicts.jsonl", lines[0], {**lines[1], "inherited_from": "1.1"})
    source = write_report(run).read_text(encoding="utf-8")
    page = read_page(source)
    assert [e.tag for e in page.elements].count("script") == 1
    assert "img" not in {e.tag for e in page.elements}
    first, _ = page.texts("pre")
    assert first.startswith("</pre></script><script>alert(1)</script><img src=x onerror=alert(1)>")
    assert first.endswith("⟨U+0000⟩⟨U+D800⟩⟨U+202E⟩")
    assert len(source) < 40_000


@pytest.mark.parametrize("name", ["metrics.json", "run.json", "rollouts.jsonl", "verdicts.jsonl"])
def test_an_unfinished_run_is_told_from_what_it_lacks(run: Path, name: str) -> None:
    (run / name).unlink()
    with pytest.raises(DatasetError) as raised:
        write_report(run)
    assert f"expected {name} in {run}, found none" in str(raised.value)
    assert f"the command that started it, once more with --output {run}, completes it" in str(
        raised.value
    )
    assert not (run / "report.html").exists()


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected a run directory, found no folder"):
        write_report(tmp_path / "absent")


@pytest.mark.parametrize("content", ["", "[]", "{", "\ud800", "[" * 100_000])
@pytest.mark.parametrize("name", ["metrics.json", "run.json", "usage.json"])
def test_a_damaged_object_is_refused(run: Path, name: str, content: str) -> None:
    (run / name).write_bytes(content.encode(errors="surrogatepass"))
    with pytest.raises(DatasetError, match=f"expected .*{name} as a finished run leaves it"):
        write_report(run)


@pytest.mark.parametrize(
    "line",
    [
        [],
        {},
        {**VERDICTS[0], "reason": "unheard-of"},
        {**VERDICTS[0], "repeat": True},
        {**VERDICTS[0], "detail": None},
        {**VERDICTS[0], "inherited_from": 1},
    ],
)
def test_a_damaged_verdict_is_refused_with_its_line(run: Path, line: object) -> None:
    write_lines(run / "verdicts.jsonl", VERDICTS[0], line, VERDICTS[1])
    with pytest.raises(DatasetError, match=r"verdicts\.jsonl as .*, found in line 2 something"):
        write_report(run)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"step_results": []}, "expected a JSON object"),
        ({"step_results": {"1.1": True}}, "says wrong_answer of 1.1"),
        ({"step_results": {"1.1": 0}}, "says wrong_answer of 1.1"),
        ({"step_results": {"1.3": False}}, "has no verdict on 1.3"),
        ({"input_tokens": -1}, "expected a count"),
    ],
)
def test_rollouts_that_do_not_fit_are_refused(
    run: Path, change: dict[str, object], found: str
) -> None:
    write_lines(run / "rollouts.jsonl", {**ROLLOUT, **change})
    with pytest.raises(DatasetError, match=f"found in line 1 something else: .*{found}"):
        write_report(run)


def test_rollouts_without_a_scored_sub_step_are_refused(run: Path) -> None:
    write_lines(run / "rollouts.jsonl", {**ROLLOUT, "step_results": {}})
    with pytest.raises(DatasetError, match="no line with a scored sub-step"):
        write_report(run)


def test_metrics_that_lack_a_part_are_refused(run: Path) -> None:
    document = json.loads((run / "metrics.json").read_text())
    del document["metrics"]["subtask_accuracy"]
    (run / "metrics.json").write_text(json.dumps(document))
    with pytest.raises(DatasetError, match=r"a part that is missing .*'subtask_accuracy'"):
        write_report(run)


def test_a_page_that_cannot_be_written_leaves_nothing(run: Path) -> None:
    (run / "report.html").mkdir()
    with pytest.raises(DatasetError, match=r"cannot write .*report\.html"):
        write_report(run)
    assert not list(run.glob(".report*"))
