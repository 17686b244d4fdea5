"""Programs files are read line by line, and every fault is named with its line."""

import gzip
import json
from pathlib import Path

import pytest

from tasks.core.errors import DatasetError
from tasks.core.records import Candidate
from tasks.programs_file import ProgramLine, load_programs

RECORDED = Path(__file__).parents[2].parent / "shared" / "data" / "recorded"


def write(tmp_path: Path, *lines: object) -> Path:
    path = tmp_path / "programs.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts), encoding="utf-8")
    return path


GOOD = {"step_id": "1.1", "program": "x = 1"}


def test_programs_are_read_in_the_order_of_their_lines(tmp_path: Path) -> None:
    path = write(tmp_path, {"step_id": "2.1", "program": "", "repeat": 3}, "", {**GOOD, "other": 1})

    assert load_programs(path) == (ProgramLine("2.1", "", 3), ProgramLine("1.1", "x = 1", 0))


def test_one_step_may_have_several_repeats(tmp_path: Path) -> None:
    programs = load_programs(write(tmp_path, GOOD, {**GOOD, "repeat": 1}))

    assert [program.repeat for program in programs] == [0, 1]


def test_a_program_keeps_unusual_line_separators(tmp_path: Path) -> None:
    line = json.dumps({**GOOD, "program": "'\u2028\x85'\n"}, ensure_ascii=False)

    assert load_programs(write(tmp_path, line))[0].program == "'\u2028\x85'\n"


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "programs.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(GOOD).encode(), mtime=0))

    assert load_programs(path) == (ProgramLine("1.1", "x = 1"),)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"step_id": ', "text that is not JSON"),
        ("[" * 100_000, "text that is not JSON"),
        ("3", "a JSON int"),
        ({"program": "x = 1"}, 'no "step_id"'),
        ({"step_id": "1.2"}, 'no "program"'),
        ({"step_id": "", "program": ""}, 'an empty "step_id"'),
        ({"step_id": 1.2, "program": ""}, '"step_id" of type float'),
        ({"step_id": "1.2", "program": None}, '"program" of type NoneType'),
        ({"step_id": "1.2", "program": "", "repeat": -1}, '"repeat": -1'),
        ({"step_id": "1.2", "program": "", "repeat": True}, '"repeat": true'),
        ({"step_id": "1.2", "program": "", "repeat": "0"}, '"repeat": "0"'),
        ({"step_id": "1.2", "program": "", "repeat": None}, '"repeat": null'),
        ({**GOOD, "repeat": 0}, "first on line 1"),
    ],
)
def test_a_bad_line_is_named_with_its_number_and_its_fault(
    tmp_path: Path, line: object, said: str
) -> None:
    path = write(tmp_path, GOOD, line)

    with pytest.raises(DatasetError) as caught:
        load_programs(path)

    assert f"{path}, line 2: expected" in str(caught.value)
    assert said in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="No such file"):
        load_programs(tmp_path / "absent.jsonl")


def test_a_file_without_programs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="found none"):
        load_programs(write(tmp_path, "\n"))


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("p.jsonl", b"\xff\xfe"),
        ("p.jsonl.gz", b"{}"),
        ("p.jsonl.gz", gzip.compress(b"{}" * 9, mtime=0)[:-9]),
        ("p.jsonl.gz", gzip.compress(b"{}", mtime=0)[:12] + b"\xff" * 20),
    ],
)
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, name: str, raw: bytes) -> None:
    (tmp_path / name).write_bytes(raw)

    with pytest.raises(DatasetError, match=f"{name}: expected a readable"):
        load_programs(tmp_path / name)


@pytest.mark.skipif(not RECORDED.exists(), reason="needs ../shared/data")
def test_a_recorded_run_is_a_programs_file() -> None:
    assert len(load_programs(RECORDED / "model_run.jsonl.gz")) == 288


def test_the_generations_of_a_run_tell_the_candidate_and_how_they_ended(tmp_path: Path) -> None:
    fenced = {**GOOD, "text": "```python\nx = 1```", "candidate": "\nx = 1"}
    bare = {**GOOD, "repeat": 1, "text": "x = 1", "candidate": "x = 1"}
    overlong = {**GOOD, "repeat": 2, "finish_reason": "overlong"}

    lines = load_programs(write(tmp_path, fenced, bare, overlong))

    assert [line.candidate for line in lines] == [
        Candidate("\nx = 1", fenced=True),
        Candidate("x = 1", fenced=False),
        None,
    ]
    assert [line.overlong for line in lines] == [False, False, True]
