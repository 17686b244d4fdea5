"""The endpoint speaks OpenAI's protocol to OpenAI's own client."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import openai
import pytest
from openai.types.chat import ChatCompletionUserMessageParam

from tasks.core.errors import ConfigError
from tasks.core.records import FinishReason, Usage
from tasks.endpoint.answers import Answer, Book
from tasks.endpoint.server import EmbeddedServer, create_app, serve_forever


@dataclass(frozen=True, slots=True)
class FixedBook:
    answers: Mapping[str, Answer]

    def answer(self, prompt: str, name: str = "", /) -> Answer | None:
        return self.answers.get(f"{prompt} as {name}" if name else prompt)


KNOWN = {
    "short": Answer("one two three"),
    "recorded": Answer("text", FinishReason.LENGTH, Usage(700, 30)),
    "long": Answer("", FinishReason.OVERLONG),
    "filtered": Answer("", FinishReason.OTHER),
    "short as 1.1/0/5f": Answer("named"),
}
BOOKS: dict[str, Book] = {"alpha": FixedBook(KNOWN), "beta": FixedBook({"only": Answer("b")})}


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with EmbeddedServer(create_app(BOOKS)) as server:
        yield server.base_url


@pytest.fixture
def client(base_url: str) -> Iterator[openai.OpenAI]:
    http = openai.DefaultHttpxClient(trust_env=False)
    with openai.OpenAI(base_url=base_url, api_key="any", max_retries=0, http_client=http) as opened:
        yield opened


def user(content: str) -> list[ChatCompletionUserMessageParam]:
    return [{"role": "user", "content": content}]


def get(url: str) -> tuple[int, object]:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url) as response:
        return response.status, json.load(response)


def test_the_address_is_a_loopback_one(base_url: str) -> None:
    assert base_url.startswith("http://127.0.0.1:")
    assert base_url.endswith("/v1")


def test_the_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["alpha", "beta"]


def test_it_says_that_it_is_well(base_url: str) -> None:
    assert get(base_url.removesuffix("/v1") + "/health") == (200, {"status": "ok"})


def test_a_known_prompt_is_answered(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(model="alpha", messages=user("short"))
    assert reply.choices[0].message.content == "one two three"
    assert reply.choices[0].finish_reason == "stop"
    assert reply.model == "alpha"


def test_the_name_of_a_request_counts(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(
        model="alpha",
        messages=user("short"),
        extra_headers={"X-Client-Request-Id": "1.1/0/5f"},
    )
    assert reply.choices[0].message.content == "named"


def test_usage_without_a_recorded_one_counts_words(client: openai.OpenAI) -> None:
    usage = client.chat.completions.create(model="alpha", messages=user("short")).usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (1, 3, 4)


def test_recorded_usage_and_ending_are_returned(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(model="alpha", messages=user("recorded"))
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (700, 30)
    assert reply.choices[0].finish_reason == "length"


def test_the_last_user_message_is_the_prompt(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(
        model="alpha",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "long"},
            {"role": "assistant", "content": "no"},
            {"role": "user", "content": [{"type": "text", "text": "short"}]},
        ],
    )
    assert reply.choices[0].message.content == "one two three"


def test_an_answer_can_be_streamed(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="alpha",
        messages=user("recorded"),
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    choices = [choice for chunk in chunks for choice in chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == "text"
    assert choices[-1].finish_reason == "length"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 730


def test_an_unknown_model_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="this endpoint serves: alpha, beta") as caught:
        client.chat.completions.create(model="gamma", messages=user("short"))
    assert caught.value.code == "model_not_found"


def test_an_unknown_prompt_is_refused_with_its_digest(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="alpha", messages=user("hello"))
    assert caught.value.code == "no_recorded_answer"
    # sha256 of "hello"
    assert "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" in str(caught.value)


def test_a_recorded_overflow_is_replayed_as_one(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="alpha", messages=user("long"))
    assert caught.value.code == "context_length_exceeded"


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"model": "alpha"}', b'{"messages": []}'])
def test_a_malformed_request_is_refused(base_url: str, body: bytes) -> None:
    request = urllib.request.Request(f"{base_url}/chat/completions", data=body)  # noqa: S310 - http
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.request.HTTPError) as caught:
        opener.open(request)
    with caught.value as response:
        assert response.status == 400
        assert "expected a JSON object" in json.load(response)["error"]["message"]


def test_any_model_name_is_answered_by_the_book_that_can() -> None:
    http = openai.DefaultHttpxClient(trust_env=False)
    with (
        EmbeddedServer(create_app(BOOKS, any_model=True)) as server,
        openai.OpenAI(base_url=server.base_url, api_key="any", http_client=http) as client,
    ):
        reply = client.chat.completions.create(model="gamma", messages=user("only"))
    assert reply.choices[0].message.content == "b"


def test_the_port_is_free_again_after_the_block() -> None:
    with EmbeddedServer(create_app(BOOKS)) as server:
        port = int(server.base_url.split(":")[2].removesuffix("/v1"))
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_port_that_is_taken_is_a_configuration_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1 port {port}"):
            serve_forever(create_app(BOOKS), "127.0.0.1", port)


def test_a_port_that_is_none_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="cannot listen on port 70000"):
        serve_forever(create_app(BOOKS), "127.0.0.1", 70000)


SERVE = """
from tasks.endpoint.server import create_app, serve_forever
serve_forever(create_app({}), "127.0.0.1", 0, announce=lambda url: print(url, flush=True))
print("ended", flush=True)
"""


def test_a_served_app_answers_until_the_keyboard_ends_it() -> None:
    command = [sys.executable, "-c", SERVE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert get(f"{url}/models") == (200, {"object": "list", "data": []})
        os.kill(process.pid, signal.SIGINT)
        assert process.stdout.read() == "ended\n"
    assert process.returncode == 0
