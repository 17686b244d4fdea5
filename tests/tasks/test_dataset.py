"""Problem files are parsed once, strictly, and every fault is named with its line."""

import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.core.errors import ConfigError, DatasetError
from tasks.core.records import Given, Problem, SubStep
from tasks.dataset import ProblemSet, load_problems, select_problems

SCICODE = Path(__file__).parents[2].parent / "shared" / "data" / "scicode"

needs_scicode = pytest.mark.skipif(not SCICODE.exists(), reason="needs ../shared/data")

STEP: Mapping[str, object] = {
    "step_number": "1.1",
    "step_description_prompt": "Double it.",
    "step_background": "Two of a kind.",
    "function_header": "def f(x):",
    "return_line": "    return y",
    "test_cases": ["assert f(1) == target"],
    "ground_truth_code": "def f(x):\n    return 2 * x",
}


def problem(problem_id: str, *steps: Mapping[str, object], **fields: object) -> dict[str, object]:
    own = {**STEP, "step_number": f"{problem_id}.1"}
    return {"problem_id": problem_id, "sub_steps": list(steps) or [own], **fields}


def write(tmp_path: Path, *lines: object) -> Path:
    path = tmp_path / "problems.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def load(path: Path, upstream: Path | None = None, given: Given = Given.WHOLE) -> ProblemSet:
    return load_problems(path, upstream=upstream, given=given)


def ids(problems: Sequence[Problem]) -> list[str]:
    return [problem.problem_id for problem in problems]


def test_a_problem_is_read_into_records(tmp_path: Path) -> None:
    line = problem("1", STEP, problem_name="Twice", required_dependencies="import os", extra=[1])

    loaded = load(write(tmp_path, line))

    step = SubStep(
        step_id="1.1",
        description="Double it.",
        background="Two of a kind.",
        function_header="def f(x):",
        return_line="    return y",
        cases=("assert f(1) == target",),
        gold="def f(x):\n    return 2 * x",
    )
    assert loaded.problems == (Problem("1", "Twice", "import os", (step,)),)


def test_null_and_missing_fields_are_empty(tmp_path: Path) -> None:
    bare = {"step_number": "1.1", "function_header": "def f(x):", "test_cases": ["assert f(1)"]}
    nulls = {**STEP, "step_number": "1.2"}
    nulls |= dict.fromkeys(["step_background", "return_line", "ground_truth_code"])

    loaded = load(write(tmp_path, problem("1", bare, nulls, problem_name=None)))

    first, second = loaded.problems[0].sub_steps
    assert (first.description, first.background, first.return_line, first.gold) == (
        "",
        "",
        None,
        None,
    )
    assert (second.background, second.return_line, second.gold) == ("", None, None)
    assert (loaded.problems[0].name, loaded.problems[0].dependencies) == ("", "")


def test_blank_lines_a_byte_order_mark_and_windows_line_ends_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    text = f"\ufeff{json.dumps(problem('1'))}\r\n\r\n{json.dumps(problem('2'))}\r\n"
    path.write_bytes(text.encode())

    assert ids(load(path).problems) == ["1", "2"]


def test_a_line_separator_inside_a_text_does_not_end_the_line(tmp_path: Path) -> None:
    line = problem("1", problem_name="a\u2028b\x85c")
    path = write(tmp_path, json.dumps(line, ensure_ascii=False))

    assert load(path).problems[0].name == "a\u2028b\x85c"


def test_a_compressed_file_is_read_and_hashed_as_it_lies_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(problem("1")).encode()))

    loaded = load(path)

    assert ids(loaded.problems) == ["1"]
    assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert loaded.path == path


def given_problem(gold: str | None) -> dict[str, object]:
    given = {**STEP, "test_cases": None, "ground_truth_code": gold}
    return problem("1", given, {**STEP, "step_number": "1.2"})


def test_a_step_without_cases_is_given_its_gold_code(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, given_problem("# my\ndef f(x): return 3")))

    first, second = loaded.problems[0].sub_steps
    assert (first.given, first.cases) == ("# my\ndef f(x): return 3", ())
    assert second.given is None


def test_a_file_of_given_code_comes_before_the_gold_code(tmp_path: Path) -> None:
    (tmp_path / "1.1.txt").write_text("def f(x): return 4  # file")

    loaded = load(write(tmp_path, given_problem("def f(x): return 3")), upstream=tmp_path)

    assert loaded.problems[0].sub_steps[0].given == "def f(x): return 4  # file"


def test_extracted_given_code_is_only_the_named_function(tmp_path: Path) -> None:
    path = write(tmp_path, given_problem("# my\ndef f(x): return 3\ny = 1"))

    loaded = load(path, given=Given.EXTRACTED)

    assert loaded.problems[0].sub_steps[0].given == "def f(x):\n    return 3"


def test_a_given_step_without_code_names_the_file_to_add(tmp_path: Path) -> None:
    path = write(tmp_path, given_problem(None))

    with pytest.raises(DatasetError, match=r"line 1, sub-step 1: .*1\.1.* put its code into"):
        load(path, upstream=tmp_path / "upstream")


def test_given_code_that_lacks_the_named_function_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, given_problem("def g(x): return 3"))

    with pytest.raises(DatasetError, match=r"line 1, sub-step 1: given sub-step 1\.1: .*'f'"):
        load(path, given=Given.EXTRACTED)


GOOD = problem("1")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"problem_id": "2", ', "text that is not JSON"),
        ("[" * 100_000, "text that is not JSON"),
        ([1], "a JSON list"),
        ("null", "a JSON NoneType"),
        ({"sub_steps": [STEP]}, '"problem_id"'),
        ({"problem_id": None, "sub_steps": [STEP]}, '"problem_id"'),
        ({"problem_id": 2, "sub_steps": [STEP]}, '"problem_id" to be a string, found int'),
        ({"problem_id": "a/b", "sub_steps": [STEP]}, "slashes"),
        ({"problem_id": "", "sub_steps": [STEP]}, "slashes"),
        ({"problem_id": "2"}, '"sub_steps"'),
        ({"problem_id": "2", "sub_steps": None}, '"sub_steps"'),
        ({"problem_id": "2", "sub_steps": []}, '"sub_steps"'),
        ({"problem_id": "2", "sub_steps": {"1": STEP}}, '"sub_steps" to be a list, found dict'),
        ({"problem_id": "2", "sub_steps": ["2.1"]}, "sub-step 1 to be an object, found str"),
        (GOOD, "every problem_id once, found '1' again"),
        (
            problem("2", {**STEP, "step_number": "2.1"}, {**STEP, "step_number": "2.1"}),
            "'2.1' again",
        ),
        (problem("2", {**STEP, "step_number": None}), '"step_number"'),
        (problem("2", {**STEP, "step_number": "13.6"}), "'13.6'"),
        (problem("2", {**STEP, "step_number": "2."}), "'2.'"),
        (problem("1", {**STEP, "step_number": "13.6"}), "'13.6'"),
        (problem("2", {**STEP, "step_number": "2.1", "function_header": None}), "function_header"),
        (problem("2", {**STEP, "step_number": "2.1", "function_header": ""}), "function_header"),
        (problem("2", {**STEP, "step_number": "2.1", "test_cases": "assert"}), "found str"),
        (problem("2", {**STEP, "step_number": "2.1", "test_cases": [1]}), "list of strings"),
        (problem("2", {**STEP, "step_number": "2.1", "return_line": 1}), '"return_line"'),
        (problem("2", problem_name="\ud800"), "surrogate"),
    ],
)
def test_a_bad_line_is_named_with_its_number_and_its_fault(
    tmp_path: Path, line: object, said: str
) -> None:
    path = write(tmp_path, GOOD, "", line)

    with pytest.raises(DatasetError) as caught:
        load(path)

    assert f"{path}, line 3" in str(caught.value)
    assert said in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"absent\.jsonl: .*No such file"):
        load(tmp_path / "absent.jsonl")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="directory"):
        load(tmp_path)


def test_a_file_without_problems_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="one problem a line, found none"):
        load(write(tmp_path, ""))


def test_bytes_that_are_not_utf8_are_named_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.jsonl"
    path.write_bytes(json.dumps(GOOD).encode() + b'\n{"problem_id": "\xe9"}\n')

    with pytest.raises(DatasetError, match="line 2: expected UTF-8 text, found byte 0xe9"):
        load(path)


@pytest.mark.parametrize("keep", [0, 20, -4])
def test_a_truncated_compressed_file_is_refused(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "p.jsonl.gz"
    whole = gzip.compress(json.dumps(GOOD).encode())
    path.write_bytes(whole[:keep])

    with pytest.raises(DatasetError, match=r"p\.jsonl\.gz"):
        load(path)


def test_text_under_the_name_of_a_compressed_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD).rename(tmp_path / "p.jsonl.gz")

    with pytest.raises(DatasetError, match="whole gzip file"):
        load(path)


def some(*problem_ids: str) -> ProblemSet:
    return ProblemSet(tuple(Problem(i, "", "", ()) for i in problem_ids), "0", Path("p.jsonl"))


def test_selected_problems_keep_the_order_of_the_file() -> None:
    whole = some("3", "1", "2")

    chosen = select_problems(whole, ["2", "3", "2"])

    assert ids(chosen.problems) == ["3", "2"]
    assert replace(chosen, problems=whole.problems) == whole


def test_no_ids_select_every_problem() -> None:
    assert select_problems(some("1", "2"), []) == some("1", "2")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("wave-equatoin", "did you mean wave-equation"),
        ("12.3", "that looks like a sub-step: choose the whole problem 12"),
        ("x", "it has 1, 12, wave-equation"),
    ],
)
def test_an_unknown_id_is_refused_with_a_suggestion(wanted: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"p.jsonl, found '{wanted}'; {said}"):
        select_problems(some("1", "12", "wave-equation"), ["1", wanted])


def test_a_long_list_of_available_ids_is_cut() -> None:
    # 25 ids, of which 20 are listed.
    with pytest.raises(ConfigError, match="id19 and 5 more"):
        select_problems(some(*(f"id{n:02d}" for n in range(25))), ["x"])


@needs_scicode
def test_scicode_dev_has_15_problems_and_50_scored_sub_steps() -> None:
    steps = [s for p in load(SCICODE / "problems_dev.jsonl").problems for s in p.sub_steps]

    assert len(load(SCICODE / "problems_dev.jsonl").problems) == 15
    assert len(steps) == 50
    assert all(step.cases and step.gold and step.given is None for step in steps)


@needs_scicode
def test_scicode_test_has_65_problems_and_291_sub_steps_of_which_3_given() -> None:
    loaded = load(SCICODE / "problems_test.jsonl", upstream=SCICODE / "upstream")

    steps = [step for problem in loaded.problems for step in problem.sub_steps]
    assert len(loaded.problems) == 65
    assert len(steps) == 291
    assert [s.step_id for s in steps if s.given is not None] == ["13.6", "76.3", "62.1"]
    assert loaded.sha256 == "38797fef78f434720be6d053b4f3a86839d6f8ea5fb9115450677cd3a6edf81d"


@needs_scicode
def test_the_given_class_of_13_6_is_lost_in_extracted_mode() -> None:
    path, upstream = SCICODE / "problems_test.jsonl", SCICODE / "upstream"

    texts = {
        mode: next(
            step.given
            for problem in load(path, upstream, mode).problems
            for step in problem.sub_steps
            if step.step_id == "13.6"
        )
        for mode in Given
    }

    assert "class Maxwell" in str(texts[Given.WHOLE])
    assert str(texts[Given.EXTRACTED]).startswith("def __init__(self, n_grid, x_out):")
