"""A prompt that does not fit is told from every other refusal, vendor by vendor."""

import json

import pytest

from tasks.core.overflow import is_output_cap, is_overflow
from tasks.core.refusal import Refusal, read_refusal

OVERFLOWS = {
    "openai": Refusal(400, "too long", code="context_length_exceeded", param="messages"),
    "openai text": Refusal(400, "This model's maximum context length is 8192 tokens. However, …"),
    "lm studio": Refusal(400, "However, the model's context length is only 4096 tokens"),
    "vllm length": Refusal(400, "Input length (900) exceeds model's maximum context length (512)."),
    "vllm no room": Refusal(400, "max_tokens must be at least 1, got -136.", param="max_tokens"),
    "vllm param": Refusal(400, "refused", kind="BadRequestError", param="input_tokens"),
    "vllm total": Refusal(
        400,
        "This model's maximum context length is 32768 tokens. However, you requested 33000 tokens "
        "(25000 in the messages, 8000 in the completion).",
    ),
    "vllm beside the prompt": Refusal(
        400,
        "'max_tokens' or 'max_completion_tokens' is too large: 40000. This model's maximum context "
        "length is 32768 tokens and your request has 10 input tokens (40000 > 32768 - 10).",
        param="max_tokens",
    ),
    "sglang": Refusal(400, "The input (9000 tokens) is longer than the model's context length"),
    "sglang total": Refusal(400, "Requested token count exceeds the model's maximum context …"),
    "tgi": Refusal(422, "`inputs` tokens + `max_new_tokens` must be <= 4096.", kind="validation"),
    "llama.cpp": Refusal(500, "refused", code="500", kind="exceed_context_size_error"),
    "tgi prompt": Refusal(422, "`inputs` must have less than 1024 tokens. Given: 1168"),
    "llama-cpp-python": Refusal(500, "Requested tokens (2285) exceed context window of 2048"),
    "mistral": Refusal(400, "Prompt contains 9 tokens, too large for model with 8 maximum context"),
    "xai": Refusal(
        400, "This model's maximum prompt length is 8 but the request contains 9 tokens"
    ),
    "sglang allowed": Refusal(400, "Input length (9 tokens) exceeds the maximum allowed length (8"),
    "tensorrt prompt": Refusal(400, "The sum of prompt length … should not exceed max_num_tokens"),
    "tensorrt sequence": Refusal(400, "Prompt length (9) exceeds maximum sequence length (8)"),
    "tensorrt no room": Refusal(
        400,
        "`default_max_tokens` (-152) must be greater than 0, `default_max_tokens` (-152) = "
        "max_seq_len (8192) - `splited_prompt_len` (8344) - `query_token_len` (0)",
    ),
    "openai configured": Refusal(400, "Input tokens exceed the configured limit of 272000 tokens."),
    "llama-cpp-python server": Refusal(
        400,
        "This model's maximum context length is 512 tokens. However, you requested 1005 tokens "
        "(1000 in the messages, 5 in the completion). Please reduce the length of the messages or "
        "completion.",
        kind="invalid_request_error",
        param="messages",
        code="context_length_exceeded",
    ),
    "anthropic": Refusal(400, "prompt is too long: 210000 tokens > 200000 maximum"),
    "anthropic total": Refusal(400, "input length and `max_tokens` exceed context limit: 19 + 9"),
    "window": Refusal(400, "refused", kind="model_context_window_exceeded"),
    "tensorrt": Refusal(500, "The sum should not exceed max_seq_len (8192)"),
    "gateway": Refusal(400, "prompt length 5000 exceeds maximum input length 4096"),
    "groq": Refusal(413, "Please reduce the length of the messages or completion."),
    "litellm": Refusal(400, "litellm.ContextWindowExceededError: no room", code="400"),
    "litellm before a model": Refusal(
        400,
        "litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: "
        "OpenAIException - This model's maximum context length is 512 tokens. However, you "
        "requested 762 tokens (757 in the messages, 5 in the completion). Please reduce the length "
        "of the messages or completion.\nmodel=openai. context_window_fallbacks=None.",
        kind="invalid_request_error",
        code="400",
    ),
    "litellm's own check": Refusal(
        400,
        "litellm.ContextWindowExceededError: litellm.BadRequestError: litellm._pre_call_checks: "
        "Context Window exceeded for given call. No models have context window large enough for "
        "this call.\nModel=openai/gpt-4o-mini, Max Input Tokens=50, Got=109",
        kind="invalid_request_error",
        code="400",
    ),
    "litellm kind": Refusal(400, "no room", kind="ContextWindowExceededError"),
    "gemini": Refusal(
        400, "The input token count (12) exceeds the maximum number of tokens allowed"
    ),
    "bedrock": Refusal(400, "Input is too long for requested model."),
    "a count with 429 in it": Refusal(400, "prompt is too long: 142901 tokens > 131072 maximum"),
    "200 with the error inside": Refusal(200, "refused", code="context_length_exceeded"),
}
OTHERS = {
    "rate limit status": Refusal(429, "Please reduce the length of the messages"),
    "rate limit code": Refusal(400, "prompt is too long", code="rate_limit_exceeded"),
    "rate limit number": Refusal(200, "prompt is too long", code="429"),
    "rate limit kind": Refusal(503, "prompt is too long", kind="rate_limit_error"),
    "rate limit text": Refusal(
        413, "Rate limit: tokens per minute 6000; reduce the length of the messages"
    ),
    "quota": Refusal(400, "reduce the length of the prompt", code="insufficient_quota"),
    "vllm output cap": Refusal(
        400,
        "max_completion_tokens=131072 cannot be greater than max_model_len=max_total_tokens=65536.",
        param="max_completion_tokens",
    ),
    "an output cap without the prompt": Refusal(
        400,
        "'max_tokens' or 'max_completion_tokens' is too large: 40000. This model's maximum context "
        "length is 32768 tokens.",
        param="max_tokens",
    ),
    "openai output cap": Refusal(
        400,
        "max_tokens is too large: 100000. This model supports at most 16384 completion tokens",
        code="invalid_value",
        param="max_tokens",
    ),
    "the key": Refusal(401, "prompt is too long"),
    "a body limit of a proxy": Refusal(413, "<html>Request Entity Too Large</html>"),
    "an unknown model": Refusal(404, "This model's maximum context length is unknown"),
    "an unknown parameter": Refusal(400, "Unrecognized request argument: top_k"),
    "a broken server": Refusal(500, "Internal Server Error"),
}


@pytest.mark.parametrize("refusal", OVERFLOWS.values(), ids=OVERFLOWS.keys())
def test_overflow_is_recognised(refusal: Refusal) -> None:
    assert is_overflow(refusal)


@pytest.mark.parametrize("refusal", OTHERS.values(), ids=OTHERS.keys())
def test_other_refusals_are_not_overflow(refusal: Refusal) -> None:
    assert not is_overflow(refusal)


@pytest.mark.parametrize("name", [name for name in OTHERS if "output cap" in name])
def test_a_limit_on_the_output_is_recognised(name: str) -> None:
    assert is_output_cap(OTHERS[name])


@pytest.mark.parametrize("name", OVERFLOWS)
def test_an_overflow_is_not_a_limit_on_the_output(name: str) -> None:
    assert not is_output_cap(OVERFLOWS[name])


@pytest.mark.parametrize("name", OVERFLOWS)
def test_overflow_is_recognised_inside_openais_json(name: str) -> None:
    refusal = OVERFLOWS[name]
    error = {"message": refusal.message, "type": refusal.kind, "param": refusal.param}
    body = json.dumps({"error": {**error, "code": refusal.code or None}})
    assert is_overflow(read_refusal(refusal.status, body))
