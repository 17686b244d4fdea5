"""generation: reads the JSON of a chat completion, as loosely as endpoints write it.

Endpoints leave out the usage, send null content, put the reasoning into a field, a part or the
text, or answer 200 with an error inside. A reply without any choice is no answer, and neither is
one that the server broke off: both say nothing about the model.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from tasks.core.loose_json import count, fields, items
from tasks.core.message_parts import split_message
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
    split = split_message(fields(choice.get("message")))
    return ChatReply(
        text=split.answer,
        reasoning=split.reasoning,
        finish_reason=finish_reason(choice.get("finish_reason")),
        usage=_usage(fields(reply.get("usage"))),
    )


def finish_reason(value: object) -> FinishReason:
    """Translate the word for the end of an answer; an unknown one is OTHER."""
    if not isinstance(value, str):
        return FinishReason.OTHER
    return _FINISH_REASONS.get(value, FinishReason.OTHER)


def _usage(counts: Mapping[str, object]) -> Usage:
    return Usage(count(counts.get("prompt_tokens")), count(counts.get("completion_tokens")))
