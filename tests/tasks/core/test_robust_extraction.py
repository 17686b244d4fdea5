"""Protocol `robust` takes the code that the model means, with its imports, in linear time."""

import ast
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.records import Candidate
from tasks.core.robust_extraction import extract_robust

HEADER = "def wave(x):\n    '''A wave.'''"
WAVE = "def wave(x):\n    return x"


def block(code: str, info: str = "python") -> str:
    return f"```{info}\n{code}\n```\n"


def take(text: str) -> str:
    candidate = extract_robust(text, HEADER)
    assert candidate.fenced
    return candidate.code


def test_the_last_block_that_defines_the_name_wins() -> None:
    text = block("def wave(x):\n    return 0") + "Better:\n" + block(WAVE) + block("print(wave(1))")

    assert take(text) == WAVE


def test_a_later_block_with_other_functions_does_not_win() -> None:
    assert take(block(WAVE) + block("def check():\n    assert wave(1) == 1")) == WAVE


def test_a_later_block_that_does_not_parse_does_not_win() -> None:
    assert take(block(WAVE) + "```python\ndef wave(x):\n    return (") == WAVE


def test_without_the_name_the_last_block_with_a_function_wins() -> None:
    helper = "def helper():\n    return 1"

    assert take(block("class A:\n    pass") + block(helper) + block("x = 1")) == helper


def test_without_functions_the_last_block_that_parses_wins() -> None:
    assert take(block("x = 1") + block("y = 2") + block("y = (")) == "y = 2"


def test_where_nothing_parses_the_last_block_wins() -> None:
    assert take(block("x = (") + block("y = (")) == "y = ("


@pytest.mark.parametrize(
    "code",
    [
        "async def wave(x):\n    return x",
        "class wave:\n    pass",
        "wave = abs",
        "if True:\n    def wave(x):\n        return x",
        "try:\n    x = 1\nexcept ValueError:\n    def wave(x):\n        return x",
    ],
)
def test_a_name_is_defined_in_every_way_of_python(code: str) -> None:
    assert take(block(code) + block("def other():\n    pass")) == code


def test_a_name_inside_of_a_function_is_not_defined() -> None:
    local = "def make():\n    def wave(x):\n        return x\n    return wave"
    later = "def other():\n    pass"

    assert take(block(local) + block(later)) == later


def test_a_class_header_asks_for_the_class() -> None:
    text = block("class Wave:\n    def step(self): ...") + block("def step(self): ...")

    candidate = extract_robust(text, "class Wave:\n    def step(self):")

    assert candidate.code.startswith("class Wave")


@pytest.mark.parametrize(
    "info", ["python", "py", "python3", "Python", "python title=wave.py", "ipython", "", "{python}"]
)
def test_marks_of_python_and_no_mark_are_looked_at(info: str) -> None:
    assert take(block(WAVE, info) + block(WAVE.replace("x", "y"), "text")) == WAVE


@pytest.mark.parametrize("info", ["bash", "text", "json", "output"])
def test_other_marks_are_looked_at_where_nothing_else_is(info: str) -> None:
    assert take(block(WAVE, info)) == WAVE


def test_imports_are_kept_on_several_lines_too() -> None:
    code = f"import numpy as np\nfrom math import (\n    pi,\n    tau,\n)\n\n{WAVE}"

    assert take(block(code)) == code


def test_imports_of_the_future_are_taken_out() -> None:
    code = f'"""Waves."""\nfrom __future__ import (\n    annotations,\n)\nimport math\n\n{WAVE}'

    assert take(block(code)) == f'"""Waves."""\n\nimport math\n\n{WAVE}'


def test_an_import_of_the_future_that_shares_its_line_leaves_a_valid_line() -> None:
    code = f"é = 1; from __future__ import annotations; import math  # é\n{WAVE}"

    assert take(block(code)) == f"é = 1; pass; import math  # é\n{WAVE}"


def test_text_that_only_looks_like_an_import_of_the_future_is_kept() -> None:
    code = f"{WAVE}\n\nDOC = '''\nfrom __future__ import annotations\n'''"

    assert take(block(code)) == code


def test_a_program_with_an_import_of_the_future_compiles_in_the_middle() -> None:
    code = take(block(f"from __future__ import annotations\nx: int = 1\n{WAVE}"))

    compile(f"import os\n\n{code}", "<program>", "exec")


def test_a_block_in_a_list_loses_its_indentation() -> None:
    text = "1. So:\n\n   ```python\n   def wave(x):\n       return x\n   ```\n"

    assert take(text) == WAVE


def test_indentation_inside_of_code_that_parses_is_kept() -> None:
    code = "if True:\n    def wave(x):\n        return x"

    assert take(block(code)) == code


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_every_line_end_becomes_a_newline(end: str) -> None:
    assert take((f"Sure.\n{block(WAVE)}Done.").replace("\n", end)) == WAVE


def test_blank_lines_at_the_edges_go() -> None:
    assert take(block(f"\n  \n{WAVE}\n\n  ")) == WAVE


def test_a_text_without_blocks_that_parses_is_the_candidate() -> None:
    code = f"import math\n\n{WAVE}"

    assert extract_robust(f"\n{code}\n", HEADER) == Candidate(code, fenced=False)


def test_a_text_without_blocks_that_does_not_parse_is_kept_as_it_is() -> None:
    text = "I cannot do that.\nimport math\n"

    assert extract_robust(text, HEADER) == Candidate(text, fenced=False)


def test_a_program_with_fences_in_its_docstring_is_no_text_with_blocks() -> None:
    code = 'def wave(x):\n    """\n    ```python\n    wave(1)\n    ```\n    """\n    return x'

    assert extract_robust(code, HEADER) == Candidate(code, fenced=False)


def test_an_example_in_a_docstring_stays_in_its_block() -> None:
    code = 'def wave(x):\n    """\n    ```\n    wave(1)\n    ```\n    """\n    return x'

    assert take(block(code)) == code


def test_a_block_of_a_longer_fence_holds_shorter_ones() -> None:
    code = f"{WAVE}\n\nDOC = '''\n```python\nwave(1)\n```\n'''"

    assert take(f"````python\n{code}\n````\n") == code


@pytest.mark.parametrize("behind", ["", "\n", "\nDone.", "\n```text\nx = (\n```"])
def test_code_between_backticks_within_lines_is_taken_where_no_block_parses(behind: str) -> None:
    assert take(f"Like so: ```python\n{WAVE}\n```{behind}") == WAVE


def test_code_between_backticks_within_lines_gives_way_to_a_block() -> None:
    assert take(f"I drop ```python def wave(x): pass```.\n{block(WAVE)}") == WAVE


def test_words_between_backticks_are_no_code() -> None:
    text = "Write ```python x = 1``` at the top."

    assert extract_robust(text, HEADER) == Candidate(text, fenced=False)


def test_a_header_without_a_name_takes_the_last_function() -> None:
    assert extract_robust(block(WAVE) + block("x = 1"), "x = 1").code == WAVE


def test_an_answer_that_is_a_block_without_code_has_none() -> None:
    assert extract_robust("```python\n```", HEADER) == Candidate("```python\n```", fenced=False)


def test_an_empty_answer_is_an_empty_candidate() -> None:
    assert extract_robust("", HEADER) == Candidate("", fenced=False)


PIECES = [
    "```",
    "~~~",
    "````",
    "python",
    "\n",
    "\r\n",
    "def wave(x): pass",
    "    ",
    "x",
    "import os",
]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_whatever_the_text_a_fenced_candidate_is_a_part_of_it(text: str) -> None:
    candidate = extract_robust(text, HEADER)

    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    assert all(line.strip() in plain for line in candidate.code.split("\n"))


@given(st.text(alphabet="from __future__ import annotations;\n x=1'\\\"", max_size=80))
def test_code_that_parses_still_parses(text: str) -> None:
    candidate = extract_robust(f"```python\nfrom __future__ import annotations\n{text}\n```", "")
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return
    ast.parse(candidate.code)


HOSTILE = {
    "fences": "```\n",
    "open fences": "```python\n",
    "blocks": "```python\nx=1\n```\n",
    "pairs": "~~~\n```\n",
    "backticks": "`",
    "newlines": "\n",
    "blanks": " \n",
    "list": "- ",
    "numbers": "1. ",
    "returns": "\r",
    "quotes": '"""\n```\n',
    "statements": "```\n" + "a;" * 20_000 + "\n```\n",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_long_text_takes_no_more_than_in_proportion(piece: str) -> None:
    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        start = time.process_time()
        extract_robust(text, HEADER)
        return time.process_time() - start

    # Ten times the text: 10 where the time is linear, 100 where it is quadratic. The second more is
    # for the parser, whose work does not grow with the text.
    assert seconds(400_000) < 30 * seconds(40_000) + 1
