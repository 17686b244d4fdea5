"""Programs are joined as the official harness joined the recorded ones, byte for byte."""

import gzip
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tasks.core.extraction import extract_candidate, unwrap_recorded
from tasks.core.program import assemble_program, lines_of_candidates
from tasks.core.prompting import render_prompt
from tasks.core.records import Given, Problem
from tasks.dataset import load_problems

DATA = Path(__file__).parents[3].parent / "shared" / "data"

GIVEN_STEPS = {"13.6", "62.1", "76.3"}


@dataclass(frozen=True)
class Replayed:
    prompt_sha256: str
    program: str


def test_a_first_step_leaves_the_lines_of_its_predecessors_empty() -> None:
    assert assemble_program("import os", (), "x = 1") == "import os\n\n\nx = 1"


def test_nothing_is_stripped_from_the_parts() -> None:
    program = assemble_program("import os\n", ("\na = 1\n", "b = 2"), "\nc = 3\n")

    assert program == "import os\n\n\na = 1\n\nb = 2\n\n\nc = 3\n"


@pytest.mark.parametrize("codes", [("a",), ("a\n", "\nb"), ("\n\na", "b\r\nc\rd\n", "", "e\n")])
def test_the_lines_of_each_candidate_are_those_that_the_compiler_counts(
    codes: tuple[str, ...],
) -> None:
    program = assemble_program("import os\nimport re", codes[:-1], codes[-1])
    lines = program.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for code, place in zip(codes, lines_of_candidates("import os\nimport re", codes), strict=True):
        own = code.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        assert lines[place.start - 1 : place.stop - 1] == own


@pytest.fixture(scope="module")
def recorded() -> dict[str, dict[str, str]]:
    path = DATA / "recorded" / "model_run.jsonl.gz"
    if not path.exists():
        pytest.skip("needs the recorded run in ../shared/data")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return {(line := json.loads(text))["step_id"]: line for text in lines}


@pytest.fixture(scope="module")
def problems() -> tuple[Problem, ...]:
    folder = DATA / "scicode"
    if not folder.exists():
        pytest.skip("needs the problems in ../shared/data")
    path = folder / "problems_test.jsonl"
    return load_problems(path, upstream=folder / "upstream", given=Given.EXTRACTED).problems


@pytest.fixture(scope="module")
def replayed(
    recorded: dict[str, dict[str, str]], problems: tuple[Problem, ...]
) -> dict[str, Replayed]:
    template = (DATA / "scicode" / "upstream" / "multistep_template.txt").read_bytes().decode()
    result: dict[str, Replayed] = {}
    for problem in problems:
        earlier: list[str] = []
        for index, step in enumerate(problem.sub_steps):
            if step.given is not None:
                earlier.append(step.given)
                continue
            line = recorded[step.step_id]
            prompt = render_prompt(template, problem, index, earlier, background=True)
            text = unwrap_recorded(line["generation"], line["program"])
            code = extract_candidate(text).code
            result[step.step_id] = Replayed(
                prompt_sha256=hashlib.sha256(prompt.encode()).hexdigest(),
                program=assemble_program(problem.dependencies, earlier, code),
            )
            earlier.append(code)
    return result


def test_all_288_recorded_prompts_are_reproduced(
    recorded: dict[str, dict[str, str]], replayed: dict[str, Replayed]
) -> None:
    equal = [
        s for s, line in recorded.items() if replayed[s].prompt_sha256 == line["prompt_sha256"]
    ]

    assert len(equal) == len(replayed) == 288


def test_all_288_recorded_programs_are_reproduced(
    recorded: dict[str, dict[str, str]], replayed: dict[str, Replayed]
) -> None:
    equal = [s for s, line in recorded.items() if replayed[s].program == line["program"]]

    assert len(equal) == 288


def test_the_15_chains_through_a_given_step_are_reproduced(
    recorded: dict[str, dict[str, str]],
    replayed: dict[str, Replayed],
    problems: tuple[Problem, ...],
) -> None:
    behind = [
        step.step_id
        for problem in problems
        for index, step in enumerate(problem.sub_steps)
        if GIVEN_STEPS & {earlier.step_id for earlier in problem.sub_steps[:index]}
    ]

    # 13.7 to 13.15, 62.2 to 62.6 and 76.4: 9 + 5 + 1.
    assert len(behind) == 15
    assert all(replayed[step].program == recorded[step]["program"] for step in behind)
