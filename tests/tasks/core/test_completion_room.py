"""The room beside a prompt is read where the endpoint states it, and never guessed."""

import time

import pytest

from tasks.core.completion_room import completion_room, may_fit_without_limit
from tasks.core.overflow import is_output_cap, is_overflow
from tasks.core.refusal import Refusal

# Each room is the stated limit less the stated prompt, worked out by hand.
ROOMS = {
    # 4096 - 3000
    "openai": (
        "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens "
        "(3000 in the messages, 2000 in the completion). Please reduce the length of the messages",
        1096,
    ),
    # 8192 - (9324 - 8000)
    "openai with functions": (
        "This model's maximum context length is 8192 tokens. However, you requested 9324 tokens "
        "(1224 in the messages, 100 in the functions, and 8000 in the completion).",
        6868,
    ),
    # 8192 - 8344
    "openai prompt": (
        "This model's maximum context length is 8192 tokens. However, your messages resulted in "
        "8344 tokens. Please reduce the length of the messages.",
        -152,
    ),
    # 2049 - 2040
    "llama-cpp-python": (
        "This model's maximum context length is 2049 tokens, however you requested 2140 tokens "
        "(2040 in your prompt; 100 for the completion). Please reduce your prompt; or completion",
        9,
    ),
    # 131,072 - 29,743
    "openrouter": (
        "This endpoint's maximum context length is 131,072 tokens. However, you requested about "
        "179,743 tokens (29,743 of text input, 150,000 in the output).",
        101_329,
    ),
    # 8192 - 5000
    "vllm": (
        "'max_tokens' or 'max_completion_tokens' is too large: 4096. This model's maximum context "
        "length is 8192 tokens and your request has 5000 input tokens (4096 > 8192 - 5000).",
        3192,
    ),
    # 8192 - 9000
    "vllm prompt": (
        "This model's maximum context length is 8192 tokens. However, your request has 9000 input "
        "tokens. Please reduce the length of the input messages.",
        -808,
    ),
    "vllm no room": ("max_tokens must be at least 1, got -12", -12),
    # 8192 - 8193
    "vllm without a limit": (
        "This model's maximum context length is 8192 tokens. However, you requested 0 output "
        "tokens and your prompt contains at least 8193 input tokens, for a total of at least 8193",
        -1,
    ),
    # 8192 - 8150; the total of 8214 is more than one above the limit, so the prompt was counted
    "vllm counted": (
        "This model's maximum context length is 8192 tokens. However, you requested 64 output "
        "tokens and your prompt contains 8150 input tokens, for a total of 8214 tokens.",
        42,
    ),
    # 2048 - 2049
    "vllm passed": (
        "You passed 2049 input tokens and requested 0 output tokens. However, the model's context "
        "length is only 2048 tokens, resulting in a maximum input length of 2048 tokens.",
        -1,
    ),
    # 512 - 900
    "vllm length": ("Input length (900) exceeds model's maximum context length (512).", -388),
    # 4096 - 3000
    "sglang": (
        "Requested token count exceeds the model's maximum context length of 4096 tokens. You "
        "requested a total of 5000 tokens: 3000 tokens from the input messages and 2000 tokens for "
        "the completion. Please reduce the number of tokens",
        1096,
    ),
    # 40960 - 61709
    "sglang prompt": (
        "The input (61709 tokens) is longer than the model's context length (40960 tokens).",
        -20_749,
    ),
    # 59862 - 160062
    "sglang allowed": (
        "Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens).",
        -100_200,
    ),
    # 2048 - 1500
    "tgi": (
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. Given: 1500 "
        "`inputs` tokens and 1000 `max_new_tokens`",
        548,
    ),
    # 1024 - 1168
    "tgi prompt": ("`inputs` must have less than 1024 tokens. Given: 1168", -144),
    # 200000 - 188240
    "anthropic": (
        "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease",
        11_760,
    ),
    # 200000 - 210000
    "anthropic prompt": ("prompt is too long: 210000 tokens > 200000 maximum", -10_000),
    # 65536 - 66202
    "llama.cpp": (
        "request (66202 tokens) exceeds the available context size (65536 tokens), try increasing",
        -666,
    ),
    # 2048 - 2285
    "llama-cpp-python prompt": ("Requested tokens (2285) exceed context window of 2048", -237),
    # 4096 - 4000
    "tensorrt": (
        "The sum of prompt length (4000) and query length (0) max_tokens (2048) should not exceed "
        "max_seq_len (4096)",
        96,
    ),
    # 8192 - 9351
    "tensorrt prompt": (
        "The sum of prompt length (9351.0), query length (0) should not exceed max_num_tokens "
        "(8192)",
        -1159,
    ),
    "tensorrt no room": (
        "`default_max_tokens` (-152) must be greater than 0, `default_max_tokens` (-152) = "
        "max_seq_len (8192) - `splited_prompt_len` (8344) - `query_token_len` (0)",
        -152,
    ),
    # 2048 - 5056
    "tensorrt input": ("Prompt length (5056) exceeds maximum input length (2048)", -3008),
    # 131072 - 537812
    "xai": (
        "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
        -406_740,
    ),
    # 32768 - 50000
    "mistral": (
        "Prompt contains 50000 tokens, too large for model with 32768 maximum context length",
        -17_232,
    ),
}
UNCOUNTED = {
    # 4096 + 91905 is one more than 96000: counted no further
    "vllm": "This model's maximum context length is 96000 tokens. However, you requested 4096 "
    "output tokens and your prompt contains at least 91905 input tokens, for a total of at least "
    "96001 tokens.",
    # 98305 + 32768 is one more than 131072
    "vllm passed": "You passed 98305 input tokens and requested 32768 output tokens. However, the "
    "model's context length is only 131072 tokens, resulting in a maximum input length of 98304",
    "vllm characters": "This model's maximum context length is 8192 tokens. However, you requested "
    "8000 output tokens and your prompt contains 90000 characters (more than 24576 characters, "
    "which is the upper bound for 192 input tokens).",
}
SILENT = {
    "openai code": "too long",
    "rate limit": "Rate limit reached: Limit 30000, Requested 40000. Please try again in 20 s.",
    "no prompt": "This model's maximum context length is 8192 tokens.",
    "output cap": "max_tokens is too large: 100000. This model supports at most 16384 completion "
    "tokens",
    "page": "<html>Request Entity Too Large</html>",
    "nothing": "",
}


@pytest.mark.parametrize(("message", "room"), ROOMS.values(), ids=ROOMS.keys())
def test_the_room_beside_the_prompt_is_read(message: str, room: int) -> None:
    assert completion_room(Refusal(400, message)) == room


@pytest.mark.parametrize("message", [m for m, _ in ROOMS.values()], ids=ROOMS.keys())
def test_a_message_with_a_room_is_an_overflow(message: str) -> None:
    refusal = Refusal(400, message, param="max_tokens")
    assert is_overflow(refusal)
    assert not is_output_cap(refusal)


@pytest.mark.parametrize("message", [m for m, _ in ROOMS.values()], ids=ROOMS.keys())
def test_where_the_room_is_known_the_limit_stays(message: str) -> None:
    assert not may_fit_without_limit(Refusal(400, message))


def test_the_room_is_read_inside_other_words_and_line_ends() -> None:
    message = "litellm.BadRequestError: " + ROOMS["openai"][0].replace(". However", ".\n However")
    assert completion_room(Refusal(400, message)) == 1096


def test_fields_of_the_error_tell_the_room() -> None:
    refusal = Refusal(400, "refused", prompt_tokens=1407, context_tokens=256)
    # 256 - 1407
    assert completion_room(refusal) == -1151


@pytest.mark.parametrize("message", UNCOUNTED.values(), ids=UNCOUNTED.keys())
def test_a_prompt_that_was_not_counted_to_its_end_tells_no_room(message: str) -> None:
    refusal = Refusal(400, message)
    assert completion_room(refusal) is None
    assert may_fit_without_limit(refusal)
    assert is_overflow(refusal)


def test_a_prompt_in_characters_that_is_too_long_alone_does_not_fit() -> None:
    refusal = Refusal(400, UNCOUNTED["vllm characters"].replace("8000 output", "0 output"))
    assert not may_fit_without_limit(refusal)


@pytest.mark.parametrize("message", SILENT.values(), ids=SILENT.keys())
def test_other_messages_tell_nothing(message: str) -> None:
    refusal = Refusal(400, message)
    assert completion_room(refusal) is None
    assert not may_fit_without_limit(refusal)


@pytest.mark.parametrize(
    "piece", ["context length is 8 tokens ", "you passed 1 input tokens ", "1", "input length (1 "]
)
def test_a_megabyte_takes_no_more_than_in_proportion(piece: str) -> None:
    def seconds(size: int) -> float:
        refusal = Refusal(400, piece * (size // len(piece)))
        start = time.process_time()
        completion_room(refusal)
        return time.process_time() - start

    # Ten times the text: 10 where the time is linear, 100 where it is quadratic.
    assert seconds(1_000_000) < 30 * seconds(100_000) + 0.5
