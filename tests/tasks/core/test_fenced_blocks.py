"""Code blocks are cut as Markdown cuts them, in one pass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.fenced_blocks import Block, fenced_blocks


def blocks(text: str) -> list[Block]:
    return list(fenced_blocks(text))


@pytest.mark.parametrize("fence", ["```", "````", "`````````", "~~~", "~~~~"])
def test_a_fence_of_three_or_more_makes_a_block(fence: str) -> None:
    assert blocks(f"a\n{fence}py\nx = 1\n{fence}\nb") == [Block("py", "x = 1\n")]


@pytest.mark.parametrize("fence", ["``", "~~", "`~`"])
def test_less_is_no_fence(fence: str) -> None:
    assert blocks(f"{fence}\nx = 1\n{fence}") == []


@pytest.mark.parametrize(
    ("info", "language"),
    [
        ("python", "python"),
        (" Python ", "python"),
        ("python title=wave.py", "python"),
        ("python:wave.py", "python"),
        ("{python}", "python"),
        ("{.python .numberLines}", "python"),
        ("", ""),
        ("c++", "c++"),
    ],
)
def test_the_language_is_the_first_word_behind_the_fence(info: str, language: str) -> None:
    assert blocks(f"```{info}\nx\n```") == [Block(language, "x\n")]


def test_a_fence_of_another_length_or_kind_stays_inside() -> None:
    inside = "```\n~~~~\n~~~\nx\n"

    assert blocks(f"~~~~~\n{inside}~~~~~") == [Block("", inside)]


def test_a_longer_fence_ends_a_block() -> None:
    assert blocks("```\nx\n````\ny") == [Block("", "x\n")]


def test_a_fence_with_a_language_ends_no_block() -> None:
    assert blocks("```\nx\n```python\ny\n```") == [Block("", "x\n```python\ny\n")]


def test_a_block_that_never_closes_runs_to_the_end() -> None:
    assert blocks("```python\nx = 1\nand so on") == [Block("python", "x = 1\nand so on")]


def test_fences_of_a_list_are_indented_with_it() -> None:
    text = "1. First:\n\n    ```python\n    x = 1\n    ```\n- ```py\n  y = 2\n  ```\n"

    assert blocks(text) == [Block("python", "    x = 1\n"), Block("py", "  y = 2\n")]


def test_a_fence_inside_a_docstring_does_not_end_the_block() -> None:
    code = 'def f():\n    """\n    ```\n    f()\n    ```\n    """\n'

    assert blocks(f"```python\n{code}```\n") == [Block("python", code)]


def test_backticks_behind_a_fence_are_code_within_a_line() -> None:
    assert blocks("```x = 1``` is short\ny") == []


def test_a_fence_within_a_line_is_none() -> None:
    assert blocks("say ```\nx") == []


def test_blocks_of_blanks_are_left_out() -> None:
    assert blocks("```python\n \n```\n```") == []


def test_a_markdown_block_is_a_wrapping() -> None:
    text = "```markdown\nHere:\n```python\nx = 1\n```\n```\n"

    assert blocks(text) == [Block("python", "x = 1\n")]


@given(st.lists(st.sampled_from(["```", "````", "~~~", "python", "\n", " ", "x", "- "])))
def test_every_block_is_a_part_of_the_text(parts: list[str]) -> None:
    text = "".join(parts)
    position = 0
    for block in fenced_blocks(text):
        position = text.index(block.code, position) + len(block.code)
