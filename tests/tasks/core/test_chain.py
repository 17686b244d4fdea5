import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.chain import header_names, recover_chain
from tasks.core.program import assemble_program
from tasks.core.records import Given, Problem, Reason, SubStep, Verdict
from tasks.dataset import load_problems

DATA = Path(__file__).parents[3].parent / "shared" / "data"

DEPENDENCIES = "import numpy as np"
CODES = (
    "\ndef one():\n    return 1\n",
    "def two():\n\n\n    return 2",
    "\n\nH = 3\n\ndef three():\n    return H\n\n",
    "def four():\n    return 4\n",
)


def problem(count: int = 4, **given_codes: str) -> Problem:
    names = ("one", "two", "three", "four")
    steps = tuple(
        SubStep(f"1.{n}", "", "", f"def {name}():", None, ("assert True",))
        for n, name in enumerate(names[:count], 1)
    )
    steps = tuple(
        replace(step, given=given_codes.get(name))
        for step, name in zip(steps, names[:count], strict=True)
    )
    return Problem("1", "", DEPENDENCIES, steps)


def programs(*numbers: int, codes: tuple[str, ...] = CODES) -> dict[str, str]:
    return {f"1.{n}": assemble_program(DEPENDENCIES, codes[: n - 1], codes[n - 1]) for n in numbers}


def found(chain: object) -> dict[str, str]:
    return {link.step.step_id: link.code for link in chain if link.step is not None}  # type: ignore[attr-defined]


def test_every_candidate_of_a_whole_chain_is_found_byte_for_byte() -> None:
    verdicts = {"1.2": Verdict(Reason.TIMEOUT)}
    chain = recover_chain(problem(), programs(1, 2, 3, 4), verdicts)
    assert tuple(link.code for link in chain) == CODES
    assert [link.failed for link in chain] == [False, True, False, False]


@given(st.lists(st.text(alphabet="a\n", max_size=6), min_size=4, max_size=4).map(tuple))
def test_candidates_of_newlines_only_are_found_too(codes: tuple[str, ...]) -> None:
    chain = recover_chain(problem(), programs(1, 2, 3, 4, codes=codes), {})
    assert tuple(link.code for link in chain) == codes


def test_given_code_has_no_program_and_is_in_the_chain() -> None:
    chain = recover_chain(problem(two=CODES[1]), programs(1, 3, 4), {})
    assert tuple(link.code for link in chain) == CODES


def test_the_next_program_tells_where_an_unknown_piece_ends() -> None:
    """The empty lines of `three` belong to it: they stand in the program of `four` as well."""
    chain = recover_chain(problem(), programs(3, 4), {})
    assert found(chain) == {"1.3": CODES[2], "1.4": CODES[3]}
    assert chain[0].code == f"{CODES[0]}\n{CODES[1]}"
    assert chain[0].step is None


def test_the_last_program_is_cut_before_the_name_that_its_header_asks_for() -> None:
    chain = recover_chain(problem(), programs(1, 4), {})
    assert [link.step and link.step.step_id for link in chain] == ["1.1", None, "1.4"]
    # Of the empty lines that end the piece before, none can be told from the seam.
    assert chain[2].code.strip() == CODES[3].strip()


@pytest.mark.parametrize("program", ["", "def two(): pass", "import numpy as np\n\ndef two(): 1"])
def test_a_program_that_is_no_part_of_the_chain_is_not_found(program: str) -> None:
    chain = recover_chain(problem(2), programs(1) | {"1.2": program}, {})
    assert found(chain) == {"1.1": CODES[0]}


def test_a_header_may_name_a_class_or_several_functions() -> None:
    header = "class A:\n    def m(self):\n        '''def of it'''\ndef g(x):"
    assert header_names(header) == ("A", "m", "g")


@given(st.dictionaries(st.sampled_from(["1.1", "1.2", "1.3", "1.4"]), st.text("ad ef\n():")))
def test_any_programs_can_be_taken_apart(texts: dict[str, str]) -> None:
    assert set(found(recover_chain(problem(), texts, {}))) <= set(texts)


def test_every_program_of_a_recorded_run_is_taken_apart_and_put_together_again() -> None:
    path = DATA / "recorded" / "model_run.jsonl.gz"
    if not path.exists():
        pytest.skip("needs the recorded run in ../shared/data")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        recorded = {(line := json.loads(text))["step_id"]: line["program"] for text in lines}
    file, upstream = DATA / "scicode" / "problems_test.jsonl", DATA / "scicode" / "upstream"
    put_together: dict[str, str] = {}
    for one in load_problems(file, upstream=upstream, given=Given.EXTRACTED).problems:
        chain = recover_chain(one, recorded, {})
        codes = [link.code for link in chain]
        for index, step in enumerate(one.sub_steps):
            if step.given is None:
                program = assemble_program(one.dependencies, codes[:index], codes[index])
                put_together[step.step_id] = program
    assert put_together == recorded
    assert len(recorded) == 288
