"""Requests are read, and replies built, as OpenAI's protocol says."""

import json

import pytest

from tasks.core.records import FinishReason, Usage
from tasks.endpoint.answers import Answer
from tasks.endpoint.replies import ChatRequest, completion, count_usage, error, read_request, stream

ASKED = ChatRequest("m", "two words")
USER = {"role": "user", "content": "hi"}


def test_a_request_is_read() -> None:
    body = json.dumps({"model": "m", "messages": [USER], "temperature": 1}).encode()
    assert read_request(body) == ChatRequest("m", "hi")


def test_the_wish_to_stream_with_usage_is_read() -> None:
    more = {"stream": True, "stream_options": {"include_usage": True}}
    body = json.dumps({"model": "m", "messages": [USER], **more}).encode()
    assert read_request(body) == ChatRequest("m", "hi", stream=True, include_usage=True)


@pytest.mark.parametrize(
    "asked",
    [
        {"messages": [USER]},
        {"model": 3, "messages": [USER]},
        {"model": "m"},
        {"model": "m", "messages": []},
        {"model": "m", "messages": [{"role": "system", "content": "hi"}]},
        {"model": "m", "messages": "hi"},
    ],
)
def test_what_names_no_model_or_prompt_is_no_request(asked: dict[str, object]) -> None:
    assert read_request(json.dumps(asked).encode()) is None


@pytest.mark.parametrize("body", [b"", b"\xff", b"[" * 100_000, b"3"])
def test_what_is_no_json_object_is_no_request(body: bytes) -> None:
    assert read_request(body) is None


def test_known_usage_is_kept_and_unknown_usage_counts_words() -> None:
    assert count_usage("a b", Answer("c d e", usage=Usage(9, 8))) == Usage(9, 8)
    assert count_usage("a  b\n", Answer("c d e")) == Usage(2, 3)


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        (FinishReason.STOP, "stop"),
        (FinishReason.LENGTH, "length"),
        (FinishReason.OTHER, "content_filter"),
    ],
)
def test_finish_reasons_have_openais_names(reason: FinishReason, name: str) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": name}
    assert completion(ASKED, Answer("a", reason))["choices"] == [choice]


def test_a_stream_ends_with_done_and_has_no_usage_unless_asked_for() -> None:
    events = list(stream(ASKED, Answer("a")))
    assert events[-1] == "data: [DONE]\n\n"
    assert not any("usage" in event for event in events)


def test_an_error_names_its_code_and_parameter() -> None:
    expected = {"message": "m", "type": "invalid_request_error", "param": "p", "code": "c"}
    assert error("m", "c", "p") == {"error": expected}
