"""Error bodies of every vendor end in the same record."""

import json

import pytest

from tasks.core.refusal import Refusal, read_refusal, refusal_from

BODIES = {
    "openai": (
        {"error": {"message": "m", "type": "t", "param": "p", "code": "c"}},
        Refusal(400, "m", code="c", kind="t", param="p"),
    ),
    "number as code": ({"error": {"message": "m", "code": 400}}, Refusal(400, "m", code="400")),
    "no wrapping": (
        {"object": "error", "message": "m", "type": "t", "param": None, "code": 400},
        Refusal(400, "m", code="400", kind="t"),
    ),
    "a list": ([{"error": {"message": "m", "code": 400}}], Refusal(400, "m", code="400")),
    "text": ({"error": "m", "error_type": "t"}, Refusal(400, "m", kind="t")),
    "detail": ({"detail": "m"}, Refusal(400, "m")),
    "detail as list": ({"detail": [{"msg": "m"}]}, Refusal(400, '[{"msg": "m"}]')),
    "llama.cpp": (
        {"error": {"message": "m", "code": 400, "n_prompt_tokens": 1407, "n_ctx": 256}},
        Refusal(400, "m", code="400", prompt_tokens=1407, context_tokens=256),
    ),
    "without message": ({"error": {"code": "c"}}, Refusal(400, '{"code": "c"}', code="c")),
}


@pytest.mark.parametrize(("body", "expected"), BODIES.values(), ids=BODIES.keys())
def test_known_shapes_are_read(body: object, expected: Refusal) -> None:
    assert read_refusal(400, json.dumps(body)) == expected


@pytest.mark.parametrize("body", ["<html>no</html>", "", "[]", "3", "{}", "[" * 100_000])
def test_a_body_of_another_shape_becomes_the_message(body: str) -> None:
    assert read_refusal(502, body) == Refusal(502, body)


def test_an_answer_is_no_refusal() -> None:
    assert refusal_from(200, {"choices": []}) is None


def test_a_long_message_is_cut_to_500_characters() -> None:
    # 500 characters and the ellipsis
    assert len(Refusal(400, "x" * 501).excerpt) == 501
    assert Refusal(400, "x" * 500).excerpt == "x" * 500


def test_an_excerpt_is_one_line() -> None:
    assert Refusal(400, "a\n  b\n").excerpt == "a b"
