"""generation: tells a prompt that did not fit the model's context from every other refusal.

An overflow is a fact about the attempt (its remaining sub-steps fail); any other refusal stops
the evaluation. Endpoints agree on no form, so the fields are read first and the text last. Two
refusals look like an overflow and are none: a rate limit that counts tokens, and a limit on the
output, which is a setting to correct. Output that only is too large beside its prompt (the message
states both the context and the prompt) is an overflow all the same.
"""

import re

from tasks.core.completion_room import completion_room
from tasks.core.refusal import Refusal

_NEVER = frozenset({401, 403, 404, 429})  # what they say of a prompt is never about its length
_INPUT_PARAMS = frozenset({"input_tokens"})
_OUTPUT_PARAMS = frozenset({"max_tokens", "max_completion_tokens", "max_output_tokens"})
_RATE_LIMIT_FIELDS = ("rate_limit", "ratelimit", "quota", "too_many_requests", "toomanyrequests")
_OVERFLOW_FIELDS = (
    "context_length_exceeded",
    "exceed_context_size",
    "model_context_window_exceeded",
    "contextwindowexceeded",
)
_OUTPUT_CAP = re.compile(
    r"max_(?:completion_|output_|new_)?tokens(?:\W{1,3}(?:is|are) too large"
    r"|\W{1,3}\d+ cannot be greater than)"
)
_RATE_LIMIT_TEXT = ("rate limit", "ratelimiterror", "tokens per min", "requests per min")
_OVERFLOW_TEXT = (
    *_OVERFLOW_FIELDS,
    "maximum context length is",
    "model's context length is only",
    "exceeds model's maximum context length",
    "exceeds the model's maximum context length",
    "max_tokens must be at least 1, got -",
    "is longer than the model's context length",
    "maximum prompt length is",
    "splited_prompt_len",
    "requested token count exceeds",
    "`inputs` tokens + `max_new_tokens` must be <=",
    "`inputs` must have less than",
    "prompt is too long",
    "input length and `max_tokens` exceed context limit",
    "should not exceed max_seq_len",
    "should not exceed max_num_tokens",
    "exceeds maximum input length",
    "exceeds maximum sequence length",
    "exceeds the maximum allowed length",
    "exceed context window of",
    "exceed the configured limit of",
    "too large for model with",
    "reduce the length of the",
    "exceeds the available context size",
    "context size has been exceeded",
    "exceeds the maximum number of tokens allowed",
    "input is too long for requested model",
)


def is_overflow(refusal: Refusal) -> bool:
    """Decide whether a refusal says that the prompt does not fit the model's context."""
    fields = f"{refusal.code} {refusal.kind}".lower()
    text = refusal.message.lower()
    if refusal.status in _NEVER or refusal.code == "429" or _any_in(_RATE_LIMIT_FIELDS, fields):
        return False
    if _any_in(_OVERFLOW_FIELDS, fields) or refusal.param in _INPUT_PARAMS:
        return True
    if is_output_cap(refusal) or _any_in(_RATE_LIMIT_TEXT, text):
        return False
    return _any_in(_OVERFLOW_TEXT, text)


def is_output_cap(refusal: Refusal) -> bool:
    """Decide whether a refusal says that more output is asked for than the model may write."""
    if completion_room(refusal) is not None:
        return False
    text = refusal.message.lower()
    if refusal.param in _OUTPUT_PARAMS and ("too large" in text or "at most" in text):
        return True
    return _OUTPUT_CAP.search(text) is not None


def _any_in(needles: tuple[str, ...], text: str) -> bool:
    return any(needle in text for needle in needles)
