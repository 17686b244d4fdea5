"""The bundled example keeps its promises: schema, size, variety of cases, documented mistakes."""

import ast
import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
import yaml

FOLDER = files("tasks.example")
PROBLEM_FIELDS = {
    "problem_name",
    "problem_id",
    "problem_description_main",
    "problem_background_main",
    "problem_io",
    "required_dependencies",
    "sub_steps",
}
STEP_FIELDS = {
    "step_number",
    "step_description_prompt",
    "step_background",
    "function_header",
    "test_cases",
    "return_line",
    "ground_truth_code",
}
# The lines that the official extraction removes from every candidate.
IMPORT_LINE = re.compile(r"^\s*(import .*|from .*\s+import\s+.*)", re.MULTILINE)
SHAPES = {
    "np.allclose(_, target)",
    "np.allclose(_, target) with tolerances",
    "np.allclose(_, target[i]) and ...",
    "cmp_tuple_or_list(_, target)",
    "are_dicts_close(_, target)",
    "are_csc_matrix_close(_, target)",
    "helper(_, target)",
    "value == target",
    "relation == target",
    "and of relations == target",
    "tuple of relations == target",
    "np.isclose(_, _) == target",
    "_.any() == target.any()",
    "unpacked target",
    "value == None",
    "test function called once",
}

Record = dict[str, Any]


def load_problems() -> list[Record]:
    text = FOLDER.joinpath("problems.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.rstrip("\n").split("\n")]


def load_mistakes() -> list[Record]:
    return yaml.safe_load(FOLDER.joinpath("flawed.yaml").read_text(encoding="utf-8"))["mistakes"]


def all_steps() -> list[Record]:
    return [step for problem in load_problems() for step in problem["sub_steps"]]


def all_cases() -> Iterator[tuple[Record, str]]:
    return ((step, case) for step in all_steps() for case in step["test_cases"])


def names_in(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def shape_of(case: str) -> str:
    """Name the way in which a case comes to its verdict."""
    *before, last = ast.parse(case).body
    if isinstance(last, ast.Expr):
        return "test function called once"
    assert isinstance(last, ast.Assert)
    if any("target" in names_in(statement) for statement in before):
        return "unpacked target"
    if isinstance(last.test, ast.BoolOp):
        return "np.allclose(_, target[i]) and ..."
    if isinstance(last.test, ast.Compare):
        return shape_of_comparison(last.test)
    assert isinstance(last.test, ast.Call)
    return shape_of_call(last.test, case)


def shape_of_comparison(test: ast.Compare) -> str:
    right = ast.unparse(test.comparators[0])
    if right != "target":
        return {"None": "value == None", "target.any()": "_.any() == target.any()"}[right]
    match test.left:
        case ast.BoolOp():
            return "and of relations == target"
        case ast.Tuple(elts=[ast.Compare(), *_]):
            return "tuple of relations == target"
        case ast.Compare():
            return "relation == target"
        case ast.Call(func=ast.Attribute(attr="isclose")):
            return "np.isclose(_, _) == target"
        case _:
            return "value == target"


def shape_of_call(test: ast.Call, case: str) -> str:
    name = ast.unparse(test.func)
    if f"def {name}(" in case:
        return "helper(_, target)"
    return f"{name}(_, target)" + (" with tolerances" if test.keywords else "")


def test_there_are_ten_problems_with_forty_three_scored_sub_steps_and_one_given() -> None:
    assert len(load_problems()) == 10
    assert len(all_steps()) == 44
    assert [step["step_number"] for step in all_steps() if not step["test_cases"]] == ["2.2"]


def test_records_have_the_fields_of_scicode_and_all_are_filled() -> None:
    for problem in load_problems():
        assert set(problem) == PROBLEM_FIELDS
        assert all(problem.values())
    for step in all_steps():
        assert set(step) == STEP_FIELDS
        assert all(step[name] for name in STEP_FIELDS - {"test_cases", "return_line"})


def test_ids_are_unique_and_count_from_one() -> None:
    problems = load_problems()
    assert [problem["problem_id"] for problem in problems] == [str(n) for n in range(1, 11)]
    for problem in problems:
        wanted = [f"{problem['problem_id']}.{n + 1}" for n in range(len(problem["sub_steps"]))]
        assert [step["step_number"] for step in problem["sub_steps"]] == wanted


def test_gold_code_parses_and_continues_its_header() -> None:
    for step in all_steps():
        ast.parse(step["ground_truth_code"])
        assert step["ground_truth_code"].startswith(step["function_header"])
        assert step["return_line"] is None or step["ground_truth_code"].endswith(
            step["return_line"]
        )


def test_gold_code_survives_extraction() -> None:
    for step in all_steps():
        assert not IMPORT_LINE.search(step["ground_truth_code"])
        assert "```" not in step["ground_truth_code"]


def test_dependencies_are_one_import_a_line_of_packages_that_every_installation_has() -> None:
    allowed = {"numpy", "scipy", "sympy", "re", "math", "fractions", "collections", "typing"}
    for problem in load_problems():
        for line in problem["required_dependencies"].splitlines():
            assert IMPORT_LINE.fullmatch(line)
            assert re.split(r"[ .]", line)[1] in allowed


def test_scored_sub_steps_have_three_cases_or_more() -> None:
    assert all(len(step["test_cases"]) >= 3 for step in all_steps() if step["test_cases"])


def test_every_shape_of_verdict_occurs_and_no_other() -> None:
    assert {shape_of(case) for _, case in all_cases()} == SHAPES


def test_a_chain_of_five_sub_steps_calls_earlier_functions() -> None:
    defined: set[str] = set()
    for step in load_problems()[0]["sub_steps"]:
        tree = ast.parse(step["ground_truth_code"])
        assert not defined or defined & names_in(tree), step["step_number"]
        defined |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert len(defined) == 5


def test_random_numbers_are_seeded_before_the_first_draw() -> None:
    drawing = {s["step_number"] for s in all_steps() if "np.random." in s["ground_truth_code"]}
    assert drawing == {"6.5", "9.3"}
    for step in all_steps():
        if step["step_number"] in drawing:
            assert "np.random.seed(" in step["test_cases"][0]


def test_mistakes_belong_to_scored_sub_steps_and_are_of_different_kinds() -> None:
    mistakes = load_mistakes()
    ids = [mistake["step_id"] for mistake in mistakes]
    assert set(ids) <= {step["step_number"] for step in all_steps() if step["test_cases"]}
    assert len(ids) == len(set(ids)) == 8
    assert len({mistake["kind"] for mistake in mistakes}) == 8
    assert all(set(mistake) == {"step_id", "kind", "about", "text"} for mistake in mistakes)


@pytest.mark.parametrize("mistake", load_mistakes(), ids=lambda mistake: mistake["kind"])
def test_a_mistake_keeps_the_header_unless_it_has_no_code(mistake: Record) -> None:
    headers = {step["step_number"]: step["function_header"] for step in all_steps()}
    fences = {"no_code": 0, "truncated": 1}.get(mistake["kind"], 2)
    assert mistake["text"].count("```") == fences
    assert (headers[mistake["step_id"]] in mistake["text"]) == (fences > 0)


def test_the_readme_documents_each_mistake_and_the_score_that_follows() -> None:
    readme = FOLDER.joinpath("README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+\.\d+) \| `(\w+)` \|.*\| ([\d., ]+) \|$", readme, re.MULTILINE)
    assert [row[:2] for row in rows] == [(m["step_id"], m["kind"]) for m in load_mistakes()]
    # Eight direct failures, 1.5 after 1.4 and 7.4 after 7.1: 10 of 43, so 33 pass.
    assert sum(len(row[2].split(", ")) for row in rows) == 10
    assert "33/43 = 0.7674" in readme
