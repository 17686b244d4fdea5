"""The model's thinking never reaches the candidate, and its programs keep their tags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.reasoning import SplitText, split_reasoning

BLOCK = "```python\ndef f():\n    return '</think>'\n```"


def test_text_without_tags_is_left_as_it_is() -> None:
    assert split_reasoning("  an answer\n") == SplitText("  an answer\n", None)


def test_a_think_block_at_the_start_is_split_off() -> None:
    assert split_reasoning("\n<think>\nhm\n</think>\n\nanswer\n") == SplitText("answer\n", "hm")


def test_an_empty_think_block_is_no_reasoning() -> None:
    assert split_reasoning("<think>\n\n</think>\n\nanswer") == SplitText("answer", None)


def test_an_unclosed_think_leaves_no_answer() -> None:
    text = "<think>first I try\n```python\nx = 1\n```\nand then"
    assert split_reasoning(text).answer == ""
    assert split_reasoning(text).reasoning == text.removeprefix("<think>")


def test_everything_before_a_lone_closing_tag_is_reasoning() -> None:
    assert split_reasoning("let me see\n</think>\nanswer") == SplitText("answer", "let me see")


def test_code_in_the_reasoning_is_split_off_with_it() -> None:
    text = f"<think>try\n```python\nwrong\n```\n</think>\n{BLOCK}"
    assert split_reasoning(text) == SplitText(BLOCK, "try\n```python\nwrong\n```")


@pytest.mark.parametrize(
    "text",
    [BLOCK, f"Here it is:\n{BLOCK}\ndone", "```\n</think>\n```", "uses <think> in prose"],
)
def test_tags_inside_the_answer_survive(text: str) -> None:
    assert split_reasoning(text) == SplitText(text, None)


def test_a_tag_in_the_answers_code_survives_behind_reasoning() -> None:
    assert split_reasoning(f"<think>hm</think>{BLOCK}") == SplitText(BLOCK, "hm")


def test_a_tag_in_the_reasonings_code_does_not_end_it() -> None:
    text = f"<think>\n{BLOCK}\nmore\n</think>\nanswer"
    assert split_reasoning(text) == SplitText("answer", f"{BLOCK}\nmore")


def test_a_code_block_left_open_in_the_reasoning_does_not_hide_its_end() -> None:
    answer = "```python\ny = 2\n```"
    text = f"<think>\n```python\nx = 1\nwait\n</think>\n{answer}"
    assert split_reasoning(text).answer == answer


def test_a_bare_block_left_open_in_the_reasoning_does_not_hide_its_end() -> None:
    text = "<think>\n```\nx = 1\nwait\n</think>\n```\ny = 2\n```"
    assert split_reasoning(text).answer == "```\ny = 2\n```"


def test_carriage_returns_do_not_hide_a_tag() -> None:
    assert split_reasoning("<think>\r\nhm\r\n</think>\r\nanswer") == SplitText("answer", "hm")


@given(st.lists(st.sampled_from(["<think>", "</think>", "```", "```python", "\n", "x", " "])))
def test_no_character_is_invented_and_the_answer_is_the_end_of_the_text(parts: list[str]) -> None:
    text = "".join(parts)
    split = split_reasoning(text)
    assert text.endswith(split.answer)
    assert split.reasoning is None or split.reasoning in text


@given(st.text(alphabet="ab \n`", max_size=60), st.text(alphabet="ab \n", max_size=60))
def test_what_stands_before_a_closing_tag_on_its_line_is_never_the_answer(
    thought: str, answer: str
) -> None:
    assert split_reasoning(f"<think>{thought}\n</think>\n{answer}").answer == answer.lstrip("\n")


def test_a_long_text_of_fences_and_tags_is_split_in_one_pass() -> None:
    text = "<think>" + "```\n</think>\n```\n" * 20_000 + "</think>\nanswer"
    assert split_reasoning(text).answer == "answer"
