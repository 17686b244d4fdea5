"""Chat completions are read as loosely as endpoints write them."""

import json
from typing import Any

import pytest

from tasks.core.chat_reply import ChatReply, read_reply
from tasks.core.records import FinishReason, Usage
from tasks.core.refusal import Refusal


def reply(message: dict[str, Any], finish_reason: object = "stop", **more: Any) -> ChatReply:
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    read = read_reply(json.dumps({"choices": [choice], **more}))
    assert isinstance(read, ChatReply)
    return read


def test_a_plain_reply_is_read() -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    expected = ChatReply("hello", None, FinishReason.STOP, Usage(7, 3))
    assert reply({"role": "assistant", "content": "hello"}, usage=usage) == expected


@pytest.mark.parametrize("usage", [{}, {"usage": None}, {"usage": {"prompt_tokens": None}}])
def test_missing_usage_is_zero(usage: dict[str, Any]) -> None:
    assert reply({"content": "x"}, **usage).usage == Usage(0, 0)


def test_null_content_is_an_empty_text() -> None:
    assert reply({"content": None}).text == ""
    assert reply({}).text == ""


def test_content_in_parts_is_parted_from_its_thinking() -> None:
    parts = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "answer"}]
    read = reply({"content": parts})
    assert (read.text, read.reasoning) == ("answer", "hm")


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_in_a_field_of_its_own_is_taken(name: str) -> None:
    read = reply({"content": "answer", name: "hm"})
    assert (read.text, read.reasoning) == ("answer", "hm")


def test_tags_are_left_alone_where_the_endpoint_parted_the_reasoning() -> None:
    assert reply({"content": "a </think> b", "reasoning_content": "hm"}).text == "a </think> b"


def test_reasoning_in_the_text_is_split_off() -> None:
    read = reply({"content": "<think>hm</think>answer", "reasoning_content": None})
    assert (read.text, read.reasoning) == ("answer", "hm")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("stop", FinishReason.STOP),
        ("end_turn", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        ("max_tokens", FinishReason.LENGTH),
        ("model_context_window_exceeded", FinishReason.OVERLONG),
        ("content_filter", FinishReason.OTHER),
        (None, FinishReason.OTHER),
    ],
)
def test_finish_reasons_are_mapped(given: object, expected: FinishReason) -> None:
    assert reply({"content": "x"}, given).finish_reason is expected


def test_lone_surrogates_are_replaced_and_pairs_kept() -> None:
    body = r'{"choices": [{"message": {"content": "a\ud800b \ud83d\ude00"}}]}'
    read = read_reply(body)
    assert isinstance(read, ChatReply)
    assert read.text == "a\ufffdb \U0001f600"


def test_an_error_inside_a_reply_is_a_refusal() -> None:
    body = json.dumps({"error": {"message": "upstream is down", "code": 502}})
    assert read_reply(body) == Refusal(200, "upstream is down", code="502")


def test_an_error_inside_a_choice_is_a_refusal() -> None:
    choice = {"message": {"content": "half an"}, "error": {"message": "lost", "code": 502}}
    assert read_reply(json.dumps({"choices": [choice]})) == Refusal(200, "lost", code="502")


@pytest.mark.parametrize("reason", ["abort", "error"])
def test_an_answer_that_the_server_broke_off_is_a_refusal(reason: str) -> None:
    choice = {"message": {"content": "half an"}, "finish_reason": reason}
    assert isinstance(read_reply(json.dumps({"choices": [choice]})), Refusal)


@pytest.mark.parametrize("body", ['{"choices": []}', "{}", "null", "<html>hi</html>", ""])
def test_a_reply_without_choices_is_a_refusal(body: str) -> None:
    read = read_reply(body)
    assert isinstance(read, Refusal)
    assert body in read.message
