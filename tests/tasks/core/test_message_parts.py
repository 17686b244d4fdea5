"""The thinking is found wherever an endpoint put it, and only the answer is left."""

from typing import Any

import pytest

from tasks.core.message_parts import answer_text, clean_text, split_message
from tasks.core.reasoning import SplitText

TEXT = {"type": "text", "text": "answer"}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "thinking", "thinking": "hm"},
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "closed": True},
        {"type": "reasoning", "reasoning": "hm"},
        {"type": "reasoning", "text": "hm"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]},
    ],
)
def test_parts_that_hold_thinking_are_no_answer(part: dict[str, Any]) -> None:
    assert split_message({"content": [part, TEXT]}) == SplitText("answer", "hm")


def test_text_in_several_parts_is_joined() -> None:
    parts = [{"type": "text", "text": "an"}, {"type": "text", "text": "swer"}]
    assert answer_text(parts) == "answer"


@pytest.mark.parametrize(
    "field",
    [
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
        {"thinking": "hm"},
        {"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}]},
        {"reasoning_content": "hm", "reasoning": "hm"},
        {"reasoning_content": None, "reasoning": "hm"},
        {"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
    ],
)
def test_thinking_in_a_field_of_its_own_is_taken_once(field: dict[str, Any]) -> None:
    assert split_message({"content": "answer", **field}) == SplitText("answer", "hm")


def test_thinking_in_a_field_and_in_tags_is_joined() -> None:
    message = {"content": "<think>\nso\n</think>\nanswer", "reasoning_content": "hm"}
    assert split_message(message) == SplitText("answer", "hm\n\nso")


def test_an_empty_tag_beside_a_field_is_taken_off() -> None:
    message = {"content": "<think>\n\n</think>\n\nanswer", "reasoning_content": "hm"}
    assert split_message(message) == SplitText("answer", "hm")


def test_a_tag_inside_the_answer_stays_beside_a_field() -> None:
    message = {"content": "a </think> b", "reasoning_content": "hm"}
    assert split_message(message) == SplitText("a </think> b", "hm")


def test_thinking_without_an_answer_leaves_an_empty_one() -> None:
    assert split_message({"content": None, "reasoning_content": "hm"}) == SplitText("", "hm")


def test_the_words_of_a_refusal_stand_for_the_answer() -> None:
    assert split_message({"content": None, "refusal": "I cannot."}) == SplitText("I cannot.")


@pytest.mark.parametrize("content", [None, 3, {}, [], [None, "text", 3, {"type": 3}]])
def test_content_of_another_shape_is_an_empty_answer(content: object) -> None:
    assert split_message({"content": content}) == SplitText("")


def test_lone_surrogates_are_replaced_in_the_thinking_too() -> None:
    message = {"content": "a\ud800", "reasoning": "b\udfff"}
    assert split_message(message) == SplitText("a\ufffd", "b\ufffd")


def test_pairs_of_surrogates_become_their_character() -> None:
    assert clean_text("\ud83d\ude00") == "\U0001f600"
