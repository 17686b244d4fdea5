"""generation: reads the JSON of OpenAI's Responses API, as loosely as endpoints write it.

A response is a list of output items: messages, whose parts are text or a refusal, and reasoning,
which holds its text or a summary of it. Its status says how it ended; one that failed, was
cancelled or completed without any output is no answer.
"""

import json
from collections.abc import Mapping, Sequence

from tasks.core.chat_reply import ChatReply, finish_reason
from tasks.core.loose_json import content_text, count, fields, items
from tasks.core.message_parts import answer_text, clean_text, part_thought
from tasks.core.reasoning import join_thoughts, split_reasoning
from tasks.core.records import FinishReason, Usage
from tasks.core.refusal import Refusal, refusal_from

_OK = 200
_INCOMPLETE = {"max_output_tokens": FinishReason.LENGTH}


def read_response(body: str) -> ChatReply | Refusal:
    """Read a response that came with status 200; a Refusal where it holds no answer."""
    try:
        parsed: object = json.loads(body)
    except (ValueError, RecursionError):
        return Refusal(_OK, f"not JSON but: {body}")
    response = fields(parsed)
    output = [fields(item) for item in items(response.get("output"))]
    status = response.get("status")
    if fields(response.get("error")) or status not in ("completed", "incomplete", None):
        return refusal_from(_OK, parsed) or Refusal(_OK, f"it gave up on its answer: {body}")
    if not output and status != "incomplete":
        return refusal_from(_OK, parsed) or Refusal(_OK, f"no output in: {body}")
    return _reply(response, output)


def _reply(response: Mapping[str, object], output: Sequence[Mapping[str, object]]) -> ChatReply:
    told = join_thoughts(*(part_thought(item) for item in output if _is(item, "reasoning")))
    messages = [item for item in output if _is(item, "message")]
    text = clean_text("".join(_message_text(item) for item in messages))
    split = split_reasoning(text, parted=told is not None)
    told = None if told is None else clean_text(told)
    usage = fields(response.get("usage"))
    return ChatReply(
        text=split.answer,
        reasoning=join_thoughts(told, split.reasoning),
        finish_reason=_ending(response),
        usage=Usage(count(usage.get("input_tokens")), count(usage.get("output_tokens"))),
    )


def _message_text(message: Mapping[str, object]) -> str:
    """Return what a message says: its text, or else the words of its refusal."""
    content = message.get("content")
    refused = (content_text(fields(part).get("refusal")) for part in items(content))
    return answer_text(content) or "".join(refused)


def _ending(response: Mapping[str, object]) -> FinishReason:
    if response.get("status") == "completed":
        return FinishReason.STOP
    reason = fields(response.get("incomplete_details")).get("reason")
    if isinstance(reason, str) and reason in _INCOMPLETE:
        return _INCOMPLETE[reason]
    return finish_reason(reason)


def _is(item: Mapping[str, object], kind: str) -> bool:
    return item.get("type") == kind
