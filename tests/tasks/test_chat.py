"""The adapter asks over real HTTP and turns every way of not answering into one error."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response

from tasks.chat import ChatClient
from tasks.core.errors import ConfigError, ProviderError, Trouble, TryAgainError
from tasks.core.model_settings import Api, EndpointSettings, ModelSettings
from tasks.core.records import FinishReason, Generation, Usage
from tasks.endpoint.answers import Answer
from tasks.endpoint.server import EmbeddedServer, create_app

SETTINGS = ModelSettings("m", "checkpoint")
SECRET = "sk-a-very-secret-key"  # noqa: S105 - a key of nobody
SOON = {"retry-after-ms": "1"}


def completion(content: str = "fine", **message: Any) -> Response:
    choice = {"index": 0, "message": {"content": content, **message}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 5, "completion_tokens": 2}
    return answer(200, {"choices": [choice], "usage": usage})


def answer(status: int, body: object) -> Response:
    return Response(json.dumps(body), status, SOON, "application/json")


def failure(status: int, message: str, **more: object) -> Response:
    return answer(status, {"error": {"message": message, **more}})


@dataclass
class Scripted:
    """An endpoint that answers what the prompt names; it keeps what it was sent."""

    bodies: list[dict[str, Any]] = field(default_factory=list)
    tries: Counter[str] = field(default_factory=Counter)
    authorization: str = ""
    request_name: str | None = None

    async def reply(self, request: Request) -> Response:
        body = await request.json()
        prompt = body["messages"][0]["content"]
        self.bodies.append(body)
        self.tries[prompt] += 1
        self.authorization = request.headers["authorization"]
        self.request_name = request.headers.get("x-client-request-id")
        return REPLIES.get(prompt, completion_after_one_failure)(self.tries[prompt], prompt)


def completion_after_one_failure(tried: int, prompt: str) -> Response:
    status = int(prompt.split()[0])
    return completion() if tried > 1 else failure(status, "busy")


REPLIES: dict[str, Callable[[int, str], Response]] = {
    "fine": lambda _tried, _prompt: completion(),
    "reasoning": lambda _tried, _prompt: completion("<think>hm</think>answer"),
    "reasoning field": lambda _tried, _prompt: completion("answer", reasoning_content="hm"),
    "401": lambda _tried, _prompt: failure(401, f"wrong key {SECRET}"),
    "403": lambda _tried, _prompt: failure(403, "not for you"),
    "404": lambda _tried, _prompt: failure(404, "no such model", code="model_not_found"),
    "400": lambda _tried, _prompt: failure(400, f"{SECRET} " + "long " * 200),
    "always 429": lambda _tried, _prompt: failure(429, "limit of 5 a minute"),
    "always 503": lambda _tried, _prompt: failure(503, "loading"),
    "overflow": lambda _tried, _prompt: failure(400, "no", code="context_length_exceeded"),
    "overflow of tgi": lambda _tried, _prompt: answer(
        422,
        {"error": "`inputs` tokens + `max_new_tokens` must be <= 9", "error_type": "validation"},
    ),
    "overflow of vllm": lambda _tried, _prompt: answer(
        400, {"object": "error", "message": "This model's maximum context length is 9", "code": 400}
    ),
    "overflow inside 200": lambda _tried, _prompt: answer(
        200, {"error": {"code": 400, "type": "exceed_context_size_error", "message": "no"}}
    ),
    "cap": lambda _tried, _prompt: failure(400, "'max_completion_tokens' is too large: 9"),
    "no money": lambda _tried, _prompt: failure(429, "pay", code="insufficient_quota"),
    "overloaded inside 200": lambda _tried, _prompt: answer(
        200, {"error": {"code": 529, "message": "overloaded"}}
    ),
    "html": lambda _tried, _prompt: Response(
        "<!DOCTYPE html><html><title> Welcome </title>" + "x" * 999, 200, SOON, "text/html"
    ),
    "no choices": lambda _tried, _prompt: answer(200, {"choices": []}),
    "null": lambda _tried, _prompt: answer(200, {"choices": [{"message": {"content": None}}]}),
    "cut": lambda _tried, _prompt: Response('{"choices": [', 200, SOON, "application/json"),
}


@pytest.fixture(scope="module")
def scripted() -> Scripted:
    return Scripted()


@pytest.fixture(scope="module")
def base_url(scripted: Scripted) -> Iterator[str]:
    app = FastAPI()

    # FastAPI reads the annotation of a method's own argument, so the method is the route itself.
    app.add_api_route("/v1/chat/completions", scripted.reply, methods=["POST"])
    with EmbeddedServer(app) as server:
        yield server.base_url


async def with_client(
    endpoint: EndpointSettings, use: Callable[[ChatClient], Awaitable[Any]], key: str = SECRET
) -> Any:
    client = ChatClient(endpoint, key)
    try:
        return await use(client)
    finally:
        await client.aclose()


def ask(base_url: str, prompt: str, settings: ModelSettings = SETTINGS, **more: Any) -> Generation:
    endpoint = EndpointSettings(base_url, **more)
    return asyncio.run(with_client(endpoint, lambda client: client.ask(prompt, settings)))


def refusal(
    base_url: str, prompt: str, *, kind: type[ProviderError] | None = None, **more: Any
) -> str:
    with pytest.raises(ProviderError) as caught:
        ask(base_url, prompt, **more)
    assert kind is None or type(caught.value) is kind
    message = str(caught.value)
    assert SECRET not in message
    return message


def test_an_answer_becomes_a_generation(base_url: str) -> None:
    generation = ask(base_url, "fine")
    assert generation.text == "fine"
    assert generation.finish_reason is FinishReason.STOP
    assert generation.usage == Usage(5, 2)
    assert generation.reasoning is None
    assert generation.latency_s > 0


@pytest.mark.parametrize("prompt", ["reasoning", "reasoning field"])
def test_reasoning_is_parted_from_the_text(base_url: str, prompt: str) -> None:
    generation = ask(base_url, prompt)
    assert (generation.text, generation.reasoning) == ("answer", "hm")


def test_null_content_is_an_empty_text(base_url: str) -> None:
    assert ask(base_url, "null").text == ""


def test_settings_that_are_unset_are_not_sent(base_url: str, scripted: Scripted) -> None:
    ask(base_url, "fine")
    messages = [{"role": "user", "content": "fine"}]
    assert scripted.bodies[-1] == {"model": "m", "messages": messages}


def test_settings_that_are_set_are_sent(base_url: str, scripted: Scripted) -> None:
    ask(base_url, "fine", ModelSettings("m", "c", 0, 0.9, 100, seed=0))
    sent = {
        name: scripted.bodies[-1][name] for name in ("temperature", "top_p", "max_tokens", "seed")
    }
    assert sent == {"temperature": 0, "top_p": 0.9, "max_tokens": 100, "seed": 0}
    assert "checkpoint" not in scripted.bodies[-1]


def test_what_only_some_servers_know_is_sent_beside_the_rest(
    base_url: str, scripted: Scripted
) -> None:
    settings = ModelSettings(
        "m",
        "c",
        max_completion_tokens=9,
        stop=("END", "\n\n"),
        reasoning_effort="low",
        extra_body={"top_k": 20, "chat_template_kwargs": {"enable_thinking": False}},
    )
    ask(base_url, "fine", settings)
    assert scripted.bodies[-1] == {
        "model": "m",
        "messages": [{"role": "user", "content": "fine"}],
        "max_completion_tokens": 9,
        "stop": ["END", "\n\n"],
        "reasoning_effort": "low",
        "top_k": 20,
        "chat_template_kwargs": {"enable_thinking": False},
    }


def test_a_model_is_asked_for_by_its_name_at_the_endpoint(
    base_url: str, scripted: Scripted
) -> None:
    ask(base_url, "fine", served_as="/models/step-100")
    assert scripted.bodies[-1]["model"] == "/models/step-100"


def test_the_name_of_a_request_goes_to_the_endpoints_log(base_url: str, scripted: Scripted) -> None:
    endpoint = EndpointSettings(base_url)
    asyncio.run(with_client(endpoint, lambda client: client.ask("fine", SETTINGS, "13.6/0/ab/1")))
    assert scripted.request_name == "13.6/0/ab/1"


def test_a_key_is_sent_without_the_newline_of_its_file(base_url: str, scripted: Scripted) -> None:
    endpoint = EndpointSettings(base_url)
    asyncio.run(with_client(endpoint, lambda client: client.ask("fine", SETTINGS), SECRET + "\n"))
    assert scripted.authorization == f"Bearer {SECRET}"


def test_an_endpoint_without_a_key_can_be_asked(base_url: str) -> None:
    endpoint = EndpointSettings(base_url)
    asyncio.run(with_client(endpoint, lambda client: client.ask("fine", SETTINGS), ""))


@pytest.mark.parametrize(
    ("prompt", "trouble", "said"),
    [
        ("408 once", Trouble.FAILED, "HTTP 408"),
        ("409 once", Trouble.FAILED, "HTTP 409"),
        ("425 once", Trouble.FAILED, "HTTP 425"),
        ("always 429", Trouble.BUSY, "HTTP 429"),
        ("500 once", Trouble.FAILED, "HTTP 500"),
        ("always 503", Trouble.FAILED, "HTTP 503"),
        ("overloaded inside 200", Trouble.FAILED, "HTTP 529"),
        ("html", Trouble.ALIEN, "no completion"),
        ("no choices", Trouble.ALIEN, "no completion"),
        ("cut", Trouble.ALIEN, "no completion"),
    ],
)
def test_what_may_pass_is_told_apart_and_tried_once(
    base_url: str, scripted: Scripted, prompt: str, trouble: Trouble, said: str
) -> None:
    before = scripted.tries[prompt]
    with pytest.raises(TryAgainError) as caught:
        ask(base_url, prompt)
    assert (caught.value.trouble, caught.value.said) == (trouble, said)
    assert scripted.tries[prompt] == before + 1


def test_the_wait_that_an_endpoint_asks_for_is_handed_on(base_url: str) -> None:
    with pytest.raises(TryAgainError) as caught:
        ask(base_url, "always 429")
    assert caught.value.retry_after_s == 0.001


def test_an_account_without_money_is_not_busy(base_url: str) -> None:
    assert "has no quota left" in refusal(base_url, "no money", kind=ProviderError)


@pytest.mark.parametrize("status", ["401", "403"])
def test_a_refused_key_is_said_and_not_tried_again(
    base_url: str, scripted: Scripted, status: str
) -> None:
    assert f"refused the key (HTTP {status})" in refusal(base_url, status)
    assert scripted.tries[status] == 1


def test_an_unknown_model_or_path_names_both_and_the_url(base_url: str) -> None:
    message = refusal(base_url, "404")
    assert "the model 'm'" in message
    assert "/v1" in message
    assert base_url in message


def test_a_forgotten_v1_is_said(base_url: str) -> None:
    assert "lacks a path such as /v1" in refusal(base_url.removesuffix("/v1"), "fine")


def test_another_refusal_carries_500_characters_of_the_servers_message(base_url: str) -> None:
    message = refusal(base_url, "400")
    assert "did not accept the request (HTTP 400): *** long" in message
    # "*** " and "long " repeated fill the 500 characters up to "long long long".
    assert len(message.split("(HTTP 400): ")[1]) == 501


@pytest.mark.parametrize(
    "prompt", ["overflow", "overflow of tgi", "overflow of vllm", "overflow inside 200"]
)
def test_a_prompt_that_does_not_fit_is_a_generation(base_url: str, prompt: str) -> None:
    generation = ask(base_url, prompt)
    assert generation.finish_reason is FinishReason.OVERLONG
    assert (generation.text, generation.usage) == ("", Usage(0, 0))


OLDER = (
    "maximum context length is 100 tokens. However, you requested 130 tokens (80 in the messages, "
    "50 in the completion)"
)
UNCOUNTED = (
    "maximum context length is 100 tokens. However, you requested 50 output tokens and your prompt "
    "contains at least 51 input tokens"
)


@pytest.mark.parametrize(
    ("message", "limit", "sent", "shortened_to"),
    [
        # 100 - 80 = 20 tokens fit.
        (OLDER, {"max_tokens": 50}, {"max_tokens": 20}, 20),
        (OLDER, {"max_completion_tokens": 50}, {"max_completion_tokens": 20}, 20),
        # The prompt was counted only until it did not fit beside 50.
        (UNCOUNTED, {"max_tokens": 50}, {}, 0),
    ],
    ids=["older", "newer name", "uncounted"],
)
def test_output_that_does_not_fit_is_shortened_once(
    message: str, limit: dict[str, Any], sent: dict[str, int], shortened_to: int
) -> None:
    """The endpoint refuses the request as it is, and answers any other."""
    bodies: list[dict[str, Any]] = []
    app = FastAPI()

    async def reply(request: Request) -> Response:
        bodies.append(await request.json())
        return failure(400, message) if len(bodies) == 1 else completion()

    app.add_api_route("/v1/chat/completions", reply, methods=["POST"])
    with EmbeddedServer(app) as server:
        generation = ask(server.base_url, "long", ModelSettings("m", "c", **limit))
    assert (generation.text, generation.shortened_to) == ("fine", shortened_to)
    limits = [{k: v for k, v in body.items() if k.startswith("max_")} for body in bodies]
    assert limits == [limit, sent]


def test_a_prompt_that_is_too_long_by_itself_is_not_asked_again() -> None:
    bodies: list[bytes] = []
    app = FastAPI()

    async def reply(request: Request) -> Response:
        bodies.append(await request.body())
        return failure(400, OLDER.replace("130", "230").replace("80", "180"))

    app.add_api_route("/v1/chat/completions", reply, methods=["POST"])
    with EmbeddedServer(app) as server:
        generation = ask(server.base_url, "long", ModelSettings("m", "c", max_tokens=50))
    assert generation.finish_reason is FinishReason.OVERLONG
    assert len(bodies) == 1


def test_the_responses_api_is_asked_with_its_own_fields_and_read() -> None:
    bodies: list[dict[str, Any]] = []
    app = FastAPI()

    async def reply(request: Request) -> Response:
        bodies.append(await request.json())
        text = {"type": "output_text", "text": "fine"}
        output = [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "message", "role": "assistant", "content": [text]},
        ]
        usage = {"input_tokens": 5, "output_tokens": 2}
        return answer(200, {"status": "completed", "output": output, "usage": usage})

    app.add_api_route("/v1/responses", reply, methods=["POST"])
    settings = ModelSettings(
        "m", "c", max_tokens=9, reasoning_effort="low", api=Api.RESPONSES, extra_body={"x": 1}
    )
    with EmbeddedServer(app) as server:
        generation = ask(server.base_url, "ask", settings)
    assert bodies == [
        {
            "model": "m",
            "input": "ask",
            "max_output_tokens": 9,
            "reasoning": {"effort": "low"},
            "x": 1,
        }
    ]
    assert (generation.text, generation.reasoning) == ("fine", "hm")
    assert (generation.usage, generation.finish_reason) == (Usage(5, 2), FinishReason.STOP)


def test_a_limit_on_the_output_is_a_setting_to_correct(base_url: str) -> None:
    assert "ask for fewer output tokens" in refusal(base_url, "cap", kind=ProviderError)


@pytest.mark.parametrize(
    ("prompt", "found"),
    [("html", "a web page (Welcome)"), ("no choices", "no choices in:"), ("cut", "not JSON but:")],
)
def test_an_answer_that_is_no_completion_says_what_came(
    base_url: str, prompt: str, found: str
) -> None:
    message = refusal(base_url, prompt)
    assert f"answered HTTP 200 without a completion: {found}" in message
    assert "often it ends with /v1" in message


def test_nobody_listening_did_not_answer() -> None:
    with EmbeddedServer(FastAPI()) as server:
        base_url = server.base_url
    assert "did not answer (ConnectError" in refusal(base_url, "fine")


def test_an_endpoint_that_is_too_slow_did_not_answer() -> None:
    app = FastAPI()

    async def wait() -> None:
        await asyncio.sleep(1)

    app.add_api_route("/v1/chat/completions", wait, methods=["POST"])
    with EmbeddedServer(app) as server:
        message = refusal(server.base_url, "fine", timeout_s=0.05)
    assert "nothing came within 0.05 s" in message


def test_a_proxy_of_the_environment_is_not_used_for_this_machine(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask(base_url, "fine").text == "fine"
    assert ask(base_url.replace("127.0.0.1", "localhost"), "fine").text == "fine"


def test_256_calls_are_under_way_at_once() -> None:
    app = FastAPI()
    arrived = 0
    everyone = asyncio.Event()

    async def meet() -> Response:
        nonlocal arrived
        arrived += 1
        if arrived == 256:
            everyone.set()
        await everyone.wait()
        return completion()

    async def ask_all(client: ChatClient) -> list[Generation]:
        return await asyncio.gather(*(client.ask("fine", SETTINGS) for _ in range(256)))

    app.add_api_route("/v1/chat/completions", meet, methods=["POST"])
    with EmbeddedServer(app) as server:
        endpoint = EndpointSettings(server.base_url, timeout_s=30)
        generations = asyncio.run(with_client(endpoint, ask_all))
    assert [generation.text for generation in generations] == ["fine"] * 256


def test_the_embedded_endpoint_is_asked_like_any_other() -> None:
    class OneAnswer:
        def answer(self, prompt: str, name: str = "") -> Answer | None:
            del name
            return Answer("one two", FinishReason.STOP) if prompt == "known" else None

    with EmbeddedServer(create_app({"m": OneAnswer()})) as server:
        generation = ask(server.base_url, "known")
        message = refusal(server.base_url, "unknown")
    assert (generation.text, generation.usage) == ("one two", Usage(1, 2))
    assert "no answer is known to the prompt with sha256" in message


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8000/v1",
        "ftp://host/v1",
        "http://",
        "http://host:port/v1",
        "http://user:hidden@host/v1",
        "http://host/v1?key=hidden",
        "http://[host/v1",
        "",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError, match=r"expected http\(s\)") as caught:
        ChatClient(EndpointSettings(url), SECRET)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("key", ["sk secret", "sk-secret\nmore", "sk-sécret", "sk-\x00secret"])
def test_a_malformed_key_is_refused_without_repeating_it(key: str) -> None:
    with pytest.raises(ConfigError, match="printable ASCII") as caught:
        ChatClient(EndpointSettings("http://127.0.0.1:1/v1"), key)
    assert "cret" not in str(caught.value)


def test_the_key_is_in_no_representation() -> None:
    client = ChatClient(EndpointSettings("http://127.0.0.1:1/v1"), SECRET)
    assert SECRET not in repr(client)
    asyncio.run(client.aclose())
