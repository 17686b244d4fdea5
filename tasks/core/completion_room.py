"""generation: reads from an overflow how many output tokens would have fitted beside the prompt.

Servers state the limit and the prompt's tokens in sentences of their own, one pattern each. Two
quirks: vLLM stops counting a prompt where it no longer fits beside the output that was asked for,
so that its count is only a lower bound (it then adds up to one more than the limit) and says
nothing about the room; and some state the room itself, as a number below 1.
"""

import re
from typing import NamedTuple

from tasks.core.refusal import Refusal

_NUMBER = r"(\d[\d,]{0,14})"
_SIGNED = r"(-?\d{1,15})"
_LIMIT = rf"context length is (?:only )?{_NUMBER} tokens"


class _Stated(NamedTuple):
    """What a message states, in tokens; `requested` is for the output."""

    limit: int
    prompt: int
    requested: int = 0


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


# The room itself: vLLM and TensorRT-LLM, asked without a limit of the output.
_ROOM = (
    _compile(rf"max_tokens must be at least 1, got {_SIGNED}"),
    _compile(rf"default_max_tokens`? \({_SIGNED}\) must be greater than 0"),
)
# Limit, total, output: OpenAI, older vLLM, llama-cpp-python, DeepSeek, OpenRouter.
_LIMIT_TOTAL_OUTPUT = _compile(
    rf"{_LIMIT}.{{1,20}}you requested (?:about )?{_NUMBER} tokens \(.{{1,120}}?"
    rf"{_NUMBER} (?:in|for) the (?:completion|output)"
)
# Limit, output, prompt and prompt, output, limit: vLLM, which may have stopped counting.
_LIMIT_OUTPUT_PROMPT = _compile(
    rf"{_LIMIT}.{{1,20}}you requested {_NUMBER} output tokens and your prompt contains "
    rf"(?:at least )?{_NUMBER} input tokens"
)
_PROMPT_OUTPUT_LIMIT = _compile(
    rf"you passed {_NUMBER} input tokens and requested {_NUMBER} output tokens.{{1,40}}?{_LIMIT}"
)
# vLLM, which does not count a text that is very much too long.
_OUTPUT_BESIDE_CHARACTERS = (
    _compile(rf"you requested {_NUMBER} output tokens and your prompt contains .{{0,9}}\d+ char"),
    _compile(rf"you passed \d+ input characters and requested {_NUMBER} output tokens"),
)
_LIMIT_PROMPT = (
    # vLLM, OpenAI
    _compile(rf"{_LIMIT}.{{1,20}}your (?:request has|messages resulted in) {_NUMBER}"),
    # SGLang
    _compile(rf"context length of {_NUMBER} tokens.{{1,80}}?: {_NUMBER} tokens from the input"),
    # TGI
    _compile(rf"`max_new_tokens` must be <= {_NUMBER}\. Given: {_NUMBER} `inputs` tokens"),
    _compile(rf"`inputs` must have less than {_NUMBER} tokens\. Given: {_NUMBER}"),
    # xAI, Mistral has the two the other way round
    _compile(rf"maximum prompt length is {_NUMBER} but the request contains {_NUMBER}"),
)
_PROMPT_LIMIT = (
    # Anthropic
    _compile(rf"exceed context limit: {_NUMBER} \+ \d+ > {_NUMBER}"),
    _compile(rf"prompt is too long: {_NUMBER} tokens > {_NUMBER}"),
    # SGLang
    _compile(rf"input \({_NUMBER} tokens\) is longer than .{{1,40}}?\({_NUMBER} tokens\)"),
    # vLLM, SGLang, TensorRT-LLM
    _compile(rf"(?:input|prompt) length \({_NUMBER}[^)]{{0,10}}\) exceeds .{{1,60}}?\({_NUMBER}"),
    _compile(
        rf"prompt length \({_NUMBER}[^)]{{0,5}}\).{{1,80}}?should not exceed "
        rf"max_(?:seq_len|num_tokens) \({_NUMBER}\)"
    ),
    # llama.cpp, llama-cpp-python
    _compile(rf"request \({_NUMBER} tokens\) exceeds the available context size \({_NUMBER}"),
    _compile(rf"requested tokens \({_NUMBER}\) exceed context window of {_NUMBER}"),
    _compile(rf"prompt contains {_NUMBER} tokens,? too large for model with {_NUMBER}"),
)


def completion_room(refusal: Refusal) -> int | None:
    """Return how many output tokens fit beside the prompt; below 1, the prompt itself is too long.

    None where the endpoint does not say.
    """
    for pattern in _ROOM:
        found = pattern.search(refusal.message)
        if found:
            return int(found[1])
    stated = _read(refusal)
    if stated is None:
        return None
    room = stated.limit - stated.prompt
    return None if room > 0 and _stopped_counting(stated) else room


def may_fit_without_limit(refusal: Refusal) -> bool:
    """Tell whether the prompt may fit beside less output, though the endpoint did not count it.

    The same request without a limit of the output then gets all the room that there is.
    """
    stated = _read(refusal)
    if stated is not None:
        return stated.limit > stated.prompt and _stopped_counting(stated)
    found = (pattern.search(refusal.message) for pattern in _OUTPUT_BESIDE_CHARACTERS)
    return any(_numbers(match)[0] > 0 for match in found if match)


def _stopped_counting(stated: _Stated) -> bool:
    return stated.prompt + stated.requested == stated.limit + 1


def _read(refusal: Refusal) -> _Stated | None:
    if refusal.context_tokens and refusal.prompt_tokens:
        return _Stated(refusal.context_tokens, refusal.prompt_tokens)
    message = " ".join(refusal.message.split())
    found = _LIMIT_TOTAL_OUTPUT.search(message)
    if found:
        limit, total, output = _numbers(found)
        return _Stated(limit, total - output)
    found = _LIMIT_OUTPUT_PROMPT.search(message)
    if found:
        limit, output, prompt = _numbers(found)
        return _Stated(limit, prompt, output)
    found = _PROMPT_OUTPUT_LIMIT.search(message)
    if found:
        prompt, output, limit = _numbers(found)
        return _Stated(limit, prompt, output)
    return _read_pair(message)


def _read_pair(message: str) -> _Stated | None:
    for pattern in _LIMIT_PROMPT:
        found = pattern.search(message)
        if found:
            limit, prompt = _numbers(found)
            return _Stated(limit, prompt)
    for pattern in _PROMPT_LIMIT:
        found = pattern.search(message)
        if found:
            prompt, limit = _numbers(found)
            return _Stated(limit, prompt)
    return None


def _numbers(found: re.Match[str]) -> list[int]:
    return [int(number.replace(",", "")) for number in found.groups()]
