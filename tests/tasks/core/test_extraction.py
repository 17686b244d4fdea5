"""Candidates come out byte for byte as the official protocol takes them, in linear time."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.core.errors import DatasetError
from tasks.core.extraction import (
    extract_candidate,
    strip_imports,
    take_candidate,
    take_given,
    unwrap_recorded,
)
from tasks.core.records import Candidate, Extraction, Given

PLAIN = re.compile(r"^\s*(import .*|from .*\s+import\s+.*)", re.MULTILINE)

WORDS = ("import", "from", "from ", "import ", "x", "numpy as np", "(", "#", "é", "\\\n")
BLANKS = (" ", "  ", "\n", "\n\n", "\t", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\xa0", "\u2028")
PIECES = st.sampled_from(WORDS + BLANKS)


@settings(max_examples=1500, deadline=None)
@given(st.lists(PIECES, max_size=24).map("".join))
@example("from x\n\n import\n\n y\nimport z")
@example("from a import b import c\n\n")
@example("from  import x\n")
@example("from \n\nimport \n\n")
@example("\n\n  import os\n\n\n  import sys\n")
@example("from x import\n\n")
def test_imports_are_cut_exactly_as_the_plain_pattern_cuts_them(code: str) -> None:
    assert strip_imports(code) == PLAIN.sub("", code)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="from import\n\r\t xy.#(", max_size=60))
def test_arbitrary_text_is_cut_as_the_plain_pattern_cuts_it(code: str) -> None:
    assert strip_imports(code) == PLAIN.sub("", code)


# Each of these keeps the plain pattern busy for minutes or hours.
@pytest.mark.parametrize(
    "code",
    [
        "\n" * 200_000 + "x = 1",
        " \n" * 100_000 + "x = 1",
        "from " + " " * 200_000 + "x",
        "from x" + "\n" * 200_000 + "x",
        "from a\n" * 30_000,
        "from " + "import" * 33_000,
        "import" * 33_000,
    ],
    ids=["newlines", "blanks", "spaces", "gap", "froms", "joined", "imports"],
)
def test_hostile_text_of_200_kb_without_imports_is_kept_in_linear_time(code: str) -> None:
    assert strip_imports(code) == code


@pytest.mark.parametrize(
    "code",
    ["\n" * 200_000 + "import x", "from " + " import" * 28_000 + "\n" * 1000],
    ids=["newlines", "imports"],
)
def test_hostile_text_of_200_kb_that_is_all_import_is_cut_in_linear_time(code: str) -> None:
    assert strip_imports(code) == ""


def test_the_newlines_beside_the_fences_belong_to_the_candidate() -> None:
    text = "Sure.\n```python\ndef f():\n    return 1\n```\nDone."

    assert extract_candidate(text) == Candidate("\ndef f():\n    return 1\n", fenced=True)


def test_the_first_python_block_wins_over_an_earlier_plain_block() -> None:
    text = "```\nplain\n```\n```python\na = 1\n```\n```python\nb = 2\n```"

    assert extract_candidate(text).code == "\na = 1\n"


def test_a_plain_block_is_taken_where_no_python_block_is() -> None:
    assert extract_candidate("see ```\na = 1\n``` and ```\nb\n```").code == "\na = 1\n"


def test_a_block_that_never_closes_reaches_to_the_end() -> None:
    assert extract_candidate("```python\na = 1").code == "\na = 1"


def test_a_python3_block_keeps_the_3_of_its_mark() -> None:
    assert extract_candidate("```python3\na = 1\n```").code == "3\na = 1\n"


def test_text_without_a_block_is_the_candidate_as_a_whole() -> None:
    assert extract_candidate("I cannot.") == Candidate("I cannot.", fenced=False)


def test_an_empty_text_is_an_empty_candidate() -> None:
    assert extract_candidate("") == Candidate("", fenced=False)


def test_a_multi_line_import_loses_only_its_first_line() -> None:
    code = "```python\nfrom math import (\n    pi,\n)\n\nx = pi\n```"

    # The newline after the fence and the import go together: the pattern starts before them.
    assert extract_candidate(code).code == "\n    pi,\n)\n\nx = pi\n"


def test_an_indented_import_is_cut_too() -> None:
    code = "def f():\n    import os\n    return os"

    assert strip_imports(code) == "def f():\n\n    return os"


def test_a_recorded_candidate_that_was_fenced_anew_is_unwrapped() -> None:
    text = unwrap_recorded("```python\n\nx = 1\n\n```", "import os\n\n\n\nx = 1\n")

    assert extract_candidate(text).code == "\nx = 1\n"


def test_a_recorded_text_that_gives_its_program_is_left_as_it_is() -> None:
    text = "Here:\n```python\n\nx = 1\n\n```"

    assert unwrap_recorded(text, "import os\n\n\n\n\nx = 1\n\n") == text


def test_a_recorded_text_that_fits_no_program_is_left_as_it_is() -> None:
    text = "```python\nx = 1\n```"

    assert unwrap_recorded(text, "y = 2") == text


CLASS = "class Wave:\n    # kept only as a whole\n    def __init__(self, n):\n        self.n = n\n"


def test_given_code_as_a_whole_is_unchanged() -> None:
    assert take_given(CLASS, "def __init__(self, n):", Given.WHOLE) == CLASS


def test_extracting_a_method_loses_the_class_around_it() -> None:
    taken = take_given(CLASS, "def __init__(self, n):", Given.EXTRACTED)

    assert taken == "def __init__(self, n):\n    self.n = n"


def test_the_first_of_two_equal_names_is_taken_breadth_first() -> None:
    text = "class A:\n    def f(self):\n        return 1\n\ndef f():\n    return 2\n"

    assert take_given(text, "def f():", Given.EXTRACTED) == "def f():\n    return 2"


def test_a_class_is_taken_where_the_header_has_no_function() -> None:
    taken = take_given(CLASS, "class Wave:\n    '''A wave.'''", Given.EXTRACTED)

    assert taken.startswith("class Wave:\n\n    def __init__(self, n):")


@pytest.mark.parametrize(
    ("text", "header", "said"),
    [
        (CLASS, "def absent():", "'absent'"),
        (CLASS, "x = 1", "def name("),
        ("def f(:", "def f():", "Python can parse"),
        ("(" * 5000, "def f():", "Python can parse"),
    ],
)
def test_given_code_without_the_named_function_is_an_error(
    text: str, header: str, said: str
) -> None:
    with pytest.raises(DatasetError, match=re.escape(said)):
        take_given(text, header, Given.EXTRACTED)


def test_the_protocol_decides_which_code_is_taken() -> None:
    text = "```python\nimport os\nx = 1\n```\n```python\nimport os\ndef f(): ...\n```"

    assert take_candidate(text, Extraction.OFFICIAL, "def f():").code == "\nx = 1\n"
    assert take_candidate(text, Extraction.ROBUST, "def f():").code == "import os\ndef f(): ..."
