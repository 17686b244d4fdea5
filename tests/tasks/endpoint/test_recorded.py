"""A recording answers the prompts it was made from, and says what is wrong with it."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from tasks.core.errors import DatasetError
from tasks.core.records import FinishReason, Usage
from tasks.endpoint.answers import Answer
from tasks.endpoint.recorded import RecordedBook, load_recording

RECORDED = Path(__file__).parents[4] / "shared" / "data" / "recorded" / "model_run.jsonl.gz"


def sha256(prompt: str) -> str:
    return hashlib.sha256(prompt.encode()).hexdigest()


def line(prompt: str, text: str, /, **more: object) -> str:
    key = {"problem_id": "1", "repeat": 0, "step_id": "1.1"}
    return json.dumps({**key, "prompt_sha256": sha256(prompt), "text": text, **more})


def recording(folder: Path, *lines: str) -> RecordedBook:
    path = folder / "recorded.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_recording(path)


def test_a_run_directory_is_read(tmp_path: Path) -> None:
    usage = {"input_tokens": 7, "output_tokens": 3}
    row = line("p", "t", prompt="p", finish_reason="length", usage=usage, latency_s=1, cached=False)
    (tmp_path / "generations.jsonl").write_text(row + "\n")
    assert load_recording(tmp_path).answer("p") == Answer("t", FinishReason.LENGTH, Usage(7, 3))


def test_lines_of_another_harness_are_read_from_gzip(tmp_path: Path) -> None:
    row = {"step_id": "1.1", "generation": "g", "program": "x", "prompt_sha256": sha256("p")}
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(row).encode()))
    assert load_recording(path).answer("p") == Answer("g")


def test_an_answer_that_was_fenced_anew_is_restored_from_its_program(tmp_path: Path) -> None:
    # The program ends with the candidate "\nx = 1\n"; the recording put one more newline on each
    # side of it.
    row = {"generation": "```python\n\nx = 1\n\n```", "program": "import os\n\n\n\nx = 1\n"}
    book = recording(tmp_path, json.dumps({**row, "prompt_sha256": sha256("p")}))
    assert book.answer("p") == Answer("```python\nx = 1\n```")


def test_an_unknown_prompt_has_no_answer(tmp_path: Path) -> None:
    assert recording(tmp_path, line("p", "t")).answer("p ") is None


def test_the_answers_of_repeats_are_handed_out_in_turn(tmp_path: Path) -> None:
    book = recording(tmp_path, line("p", "a"), line("q", "x"), line("p", "b"))
    answers = [book.answer("p") for _ in range(5)]
    assert [answer and answer.text for answer in answers] == ["a", "b", "a", "b", "a"]


def test_sub_steps_and_repeats_with_one_prompt_get_their_own_answers(tmp_path: Path) -> None:
    other = line("p", "c", step_id="2.1")
    book = recording(tmp_path, line("p", "a"), line("p", "b", repeat=1), other)
    names = ["2.1/0/5f/1", "1.1/1/5f/1", "1.1/0/5f/2", "2.1/0/5f/2", "9.9/0/5f/1", "", "x"]
    answers = [book.answer("p", name) for name in names]
    # A name that is not in the recording is as good as none: a, b and c in turn.
    assert [answer and answer.text for answer in answers] == ["c", "b", "a", "c", "a", "b", "c"]
    assert book.answer("q", "1.1/0/5f/1") is None


def test_a_recording_of_one_repeat_that_is_not_numbered_answers_by_sub_step(tmp_path: Path) -> None:
    rows = [{"prompt": "p", "text": step_id, "step_id": step_id} for step_id in ("1.1", "2.1")]
    book = recording(tmp_path, *map(json.dumps, rows))
    assert book.answer("p", "2.1/0/5f/1") == Answer("2.1")
    assert book.answer("p", "2.1/7/5f/1") == Answer("2.1")


def test_a_prompt_without_digest_is_digested(tmp_path: Path) -> None:
    assert recording(tmp_path, '{"prompt": "p", "text": "t"}').answer("p") == Answer("t")


def test_a_line_separator_inside_a_line_does_not_end_it(tmp_path: Path) -> None:
    row = json.dumps({"prompt": "p", "text": "a\u2028b"}, ensure_ascii=False)
    assert recording(tmp_path, row).answer("p") == Answer("a\u2028b")


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ("{", "expected a JSON object"),
        ("[]", "expected a JSON object, found list"),
        ('{"text": "t"}', "expected prompt_sha256 or prompt"),
        (line("p", "t", prompt="q"), "the file was changed"),
        ('{"prompt": "p"}', "expected the string text or generation"),
        (line("p", "t", finish_reason="?"), "none of stop, length"),
        (line("p", "t", usage={"input_tokens": 1}), "usage lacks"),
        (line("p", "t", usage=3), "usage lacks"),
    ],
)
def test_a_bad_line_is_named_with_its_number(bad: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=rf"recorded\.jsonl, line 3: .*{expected}"):
        recording(tmp_path, line("p", "t"), "", bad)


def test_an_empty_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="found none"):
        recording(tmp_path)


def test_a_missing_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no recording at"):
        load_recording(tmp_path / "absent.jsonl")


@pytest.mark.parametrize("data", [b"\x00\xff", b"\x1f\x8b\x08\x00broken-and-more", b""])
def test_a_file_that_is_no_gzip_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(data)
    with pytest.raises(DatasetError):
        load_recording(path)


@pytest.mark.skipif(not RECORDED.is_file(), reason="needs ../shared/data")
def test_the_recorded_model_run_is_read_whole() -> None:
    # 288 sub-steps, of which two (46.1 and 68.1) have one and the same prompt.
    assert len(load_recording(RECORDED)) == 287
