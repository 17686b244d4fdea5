"""generation: reads the JSON of a chat completion, as loosely as endpoints write it.

Endpoints leave out the usage, send null content, name the reasoning `reasoning_content` or
`reasoning`, split the content into parts, or answer 200 with an error inside. A reply without any
choice is no answer, and neither is one that the server broke off: both say nothing about the model.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from tasks.core.loose_json import content_text, fields, items
from tasks.core.reasoning import SplitText, split_reasoning
from tasks.core.records import FinishReason, Usage
from tasks.core.refusal import Refusal, refusal_from

_OK = 200
_FINISH_REASONS = {
    "stop": FinishReason.STOP,
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "eos_token": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.OVERLONG,
}
# Finish reasons of a server that failed or was shut down in the middle of an answer.
_GAVE_UP = ("abort", "error", "network_error", "insufficient_system_resource")


@dataclass(frozen=True, slots=True)
class ChatReply:
    """One reply of the endpoint, with the reasoning already parted from the text."""

    text: str
    reasoning: str | None
    finish_reason: FinishReason
    usage: Usage


def read_reply(body: str) -> ChatReply | Refusal:
    """Read a reply that came with status 200; a Refusal where it holds no answer."""
    try:
        parsed: object = json.loads(body)
    except (ValueError, RecursionError):
        return Refusal(_OK, f"not JSON but: {body}")
    reply = fields(parsed)
    choices = items(reply.get("choices"))
    if not choices:
        return refusal_from(_OK, parsed) or Refusal(_OK, f"no choices in: {body}")
    choice = fields(choices[0])
    if fields(choice.get("error")) or choice.get("finish_reason") in _GAVE_UP:
        return refusal_from(_OK, choice) or Refusal(_OK, f"it gave up on its answer: {body}")
    split = _split(fields(choice.get("message")))
    return ChatReply(
        text=split.answer,
        reasoning=split.reasoning,
        finish_reason=_finish_reason(choice.get("finish_reason")),
        usage=_usage(fields(reply.get("usage"))),
    )


def _split(message: Mapping[str, object]) -> SplitText:
    """Take the reasoning from its own field, or else from the tags in the text."""
    text = _clean(content_text(message.get("content")))
    for name in ("reasoning_content", "reasoning"):
        reasoning = message.get(name)
        if isinstance(reasoning, str) and reasoning.strip():
            return SplitText(text, _clean(reasoning))
    return split_reasoning(text)


def _clean(text: str) -> str:
    """Replace lone surrogates, which JSON can carry and no UTF-8 file can hold."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _finish_reason(value: object) -> FinishReason:
    if not isinstance(value, str):
        return FinishReason.OTHER
    return _FINISH_REASONS.get(value, FinishReason.OTHER)


def _usage(counts: Mapping[str, object]) -> Usage:
    return Usage(_count(counts.get("prompt_tokens")), _count(counts.get("completion_tokens")))


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
