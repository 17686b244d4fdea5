"""generation, its other end: the JSON that an OpenAI-compatible endpoint speaks."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from tasks.core.loose_json import content_text, fields, items
from tasks.core.records import FinishReason, Usage
from tasks.endpoint.answers import Answer

JsonObject = dict[str, object]

_FINISH_NAMES = {
    FinishReason.STOP: "stop",
    FinishReason.LENGTH: "length",
    FinishReason.OTHER: "content_filter",
}


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What of a chat request matters here: the model, the last user message, how to send."""

    model: str
    prompt: str
    stream: bool = False
    include_usage: bool = False


def read_request(body: bytes) -> ChatRequest | None:
    """Read the body of a chat request; None if it is none."""
    try:
        asked = fields(json.loads(body))
    except (ValueError, RecursionError):
        return None
    model = asked.get("model")
    said = [fields(message) for message in items(asked.get("messages"))]
    prompts = [content_text(part.get("content")) for part in said if part.get("role") == "user"]
    if not isinstance(model, str) or not prompts:
        return None
    include_usage = fields(asked.get("stream_options")).get("include_usage") is True
    return ChatRequest(model, prompts[-1], asked.get("stream") is True, include_usage)


def count_usage(prompt: str, answer: Answer) -> Usage:
    """Return the recorded usage, else the numbers of words, as there is no tokenizer here."""
    return answer.usage or Usage(len(prompt.split()), len(answer.text.split()))


def completion(request: ChatRequest, answer: Answer) -> JsonObject:
    """Build the reply to a request."""
    message = {"role": "assistant", "content": answer.text}
    choice = {"index": 0, "message": message, "finish_reason": _FINISH_NAMES[answer.finish_reason]}
    return {
        **_head(request, "chat.completion"),
        "choices": [choice],
        "usage": _usage(request, answer),
    }


def stream(request: ChatRequest, answer: Answer) -> Iterator[str]:
    """Yield the reply as server-sent events: the text in one piece, then how it ended."""
    head = _head(request, "chat.completion.chunk")
    delta = {"role": "assistant", "content": answer.text}
    finish = _FINISH_NAMES[answer.finish_reason]
    yield _event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield _event({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    if request.include_usage:
        yield _event({**head, "choices": [], "usage": _usage(request, answer)})
    yield "data: [DONE]\n\n"


def error(message: str, code: str | None = None, param: str | None = None) -> JsonObject:
    """Build an error as OpenAI shapes it."""
    kind = "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _head(request: ChatRequest, kind: str) -> JsonObject:
    # The answers are not made at any moment, so the time of creation is left at zero.
    return {"id": "chatcmpl-known", "object": kind, "created": 0, "model": request.model}


def _usage(request: ChatRequest, answer: Answer) -> dict[str, int]:
    usage = count_usage(request.prompt, answer)
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
    }


def _event(chunk: JsonObject) -> str:
    return f"data: {json.dumps(chunk)}\n\n"
