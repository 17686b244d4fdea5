"""Responses are read as loosely as endpoints write them."""

import json
from typing import Any

import pytest

from tasks.core.chat_reply import ChatReply
from tasks.core.overflow import is_overflow
from tasks.core.records import FinishReason, Usage
from tasks.core.refusal import Refusal
from tasks.core.responses_reply import read_response


def message(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": list(parts)}


def text(said: str) -> dict[str, Any]:
    return {"type": "output_text", "text": said, "annotations": []}


def response(*output: dict[str, Any], status: str | None = "completed", **more: Any) -> ChatReply:
    read = read_response(json.dumps({"status": status, "output": list(output), **more}))
    assert isinstance(read, ChatReply)
    return read


def test_a_plain_response_is_read() -> None:
    usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    expected = ChatReply("hello", None, FinishReason.STOP, Usage(7, 3))
    assert response(message(text("hello")), error=None, usage=usage) == expected


def test_the_text_of_all_parts_and_messages_is_joined() -> None:
    assert response(message(text("a"), text("b")), message(text("c"))).text == "abc"


@pytest.mark.parametrize(
    "reasoning",
    [
        {"summary": [{"type": "summary_text", "text": "hm"}]},
        {"summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
        {
            "summary": [{"type": "summary_text", "text": "short"}],
            "content": [{"type": "reasoning_text", "text": "hm"}],
        },
    ],
)
def test_reasoning_is_kept_apart(reasoning: dict[str, Any]) -> None:
    read = response({"type": "reasoning", **reasoning}, message(text("answer")))
    assert (read.text, read.reasoning) == ("answer", "hm")


def test_reasoning_that_is_not_shown_is_none() -> None:
    read = response({"type": "reasoning", "summary": []}, message(text("answer")))
    assert (read.text, read.reasoning) == ("answer", None)


def test_tags_in_the_text_are_split_off_too() -> None:
    read = response(message(text("<think>hm</think>answer")))
    assert (read.text, read.reasoning) == ("answer", "hm")


def test_the_words_of_a_refusal_stand_for_the_answer() -> None:
    assert response(message({"type": "refusal", "refusal": "I cannot."})).text == "I cannot."


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("max_output_tokens", FinishReason.LENGTH),
        ("model_context_window_exceeded", FinishReason.OVERLONG),
        ("content_filter", FinishReason.OTHER),
        (None, FinishReason.OTHER),
    ],
)
def test_an_incomplete_response_says_why_it_ended(reason: object, expected: FinishReason) -> None:
    details = {"reason": reason}
    read = response(message(text("half")), status="incomplete", incomplete_details=details)
    assert (read.text, read.finish_reason) == ("half", expected)


def test_an_incomplete_response_may_hold_nothing_but_reasoning() -> None:
    details = {"reason": "max_output_tokens"}
    read = response({"type": "reasoning"}, status="incomplete", incomplete_details=details)
    assert (read.text, read.finish_reason) == ("", FinishReason.LENGTH)
    assert response(status="incomplete", incomplete_details=details).text == ""


def test_a_response_without_status_has_an_unknown_end() -> None:
    assert response(message(text("a")), status=None).finish_reason is FinishReason.OTHER


@pytest.mark.parametrize("usage", [{}, {"usage": None}, {"usage": {"input_tokens": "7"}}])
def test_missing_usage_is_zero(usage: dict[str, Any]) -> None:
    assert response(message(text("a")), **usage).usage == Usage(0, 0)


def test_lone_surrogates_are_replaced() -> None:
    content = r'[{"type": "output_text", "text": "a\ud800b"}]'
    read = read_response(f'{{"output": [{{"type": "message", "content": {content}}}]}}')
    assert isinstance(read, ChatReply)
    assert read.text == "a\ufffdb"


def test_a_failed_response_is_a_refusal() -> None:
    error = {"code": "server_error", "message": "it broke"}
    body = json.dumps({"status": "failed", "error": error, "output": []})
    assert read_response(body) == Refusal(200, "it broke", code="server_error")


def test_a_response_that_failed_for_its_length_is_an_overflow() -> None:
    error = {"code": "context_length_exceeded", "message": "too long"}
    read = read_response(json.dumps({"status": "failed", "error": error}))
    assert isinstance(read, Refusal)
    assert is_overflow(read)


@pytest.mark.parametrize("status", ["failed", "cancelled", "in_progress", "queued"])
def test_a_response_that_did_not_end_is_a_refusal(status: str) -> None:
    body = json.dumps({"status": status, "output": [message(text("half"))], "error": None})
    read = read_response(body)
    assert isinstance(read, Refusal)
    assert status in read.message


@pytest.mark.parametrize(
    "body", ['{"status": "completed", "output": []}', "{}", "null", "<html>hi</html>", ""]
)
def test_a_response_without_output_is_a_refusal(body: str) -> None:
    read = read_response(body)
    assert isinstance(read, Refusal)
    assert body in read.message
