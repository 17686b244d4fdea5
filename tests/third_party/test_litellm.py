"""litellm's proxy, as it stands before many a model: its keys, its limits, its errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.core.errors import ProviderError
from tasks.core.model_settings import Api, ModelSettings
from tasks.core.records import FinishReason, Usage

if TYPE_CHECKING:
    from tests.third_party.conftest import Served

pytestmark = pytest.mark.third_party

WORDS_TOO_MANY = "word " * 60


BOTH = pytest.mark.parametrize("api", list(Api))


def settings(model: str, api: Api = Api.CHAT) -> ModelSettings:
    return ModelSettings(model, "litellm", temperature=0.5, top_p=0.9, max_tokens=30, api=api)


def refusals(litellm: Served, status: int) -> int:
    """Count the requests that were refused so, in the log of the server itself."""
    return litellm.log.read_text().count(f'/chat/completions HTTP/1.1" {status}')


def test_an_answer_comes_with_its_usage(litellm: Served) -> None:
    generation = litellm.ask("hello", settings("mock"))
    assert generation.text == "a fixed answer"
    assert generation.finish_reason is FinishReason.STOP
    # The usage of every mock.
    assert generation.usage == Usage(10, 20)


def test_an_answer_of_the_responses_api_is_read(litellm: Served) -> None:
    generation = litellm.ask("hello", settings("mock", Api.RESPONSES))
    assert generation.text == "a fixed answer"
    assert generation.finish_reason is FinishReason.STOP
    # The usage of every mock of this API.
    assert generation.usage == Usage(36, 87)


@BOTH
def test_the_usage_of_the_model_behind_the_proxy_arrives(litellm: Served, api: Api) -> None:
    generation = litellm.ask("hello world", settings("tiny", api))
    # 11 bytes are 11 tokens, and one begins the text; the model never ends by itself.
    assert generation.usage == Usage(12, 30)
    assert generation.finish_reason is FinishReason.LENGTH
    assert len(generation.text) == 30


@BOTH
def test_an_overflow_of_the_model_behind_the_proxy_is_overlong(litellm: Served, api: Api) -> None:
    overlong = litellm.ask("x" * 4000, settings("tiny", api))
    assert overlong.finish_reason is FinishReason.OVERLONG
    assert overlong.text == ""


def test_a_base_url_without_its_path_is_served_all_the_same(litellm: Served) -> None:
    assert litellm.ask("hello", settings("mock"), base_url=litellm.root).text == "a fixed answer"


def test_a_wrong_key_is_refused(litellm: Served) -> None:
    with pytest.raises(ProviderError, match="refused the key"):
        litellm.ask("hello", settings("mock"), key="sk-another")


def test_a_model_that_is_not_served_is_named(litellm: Served) -> None:
    with pytest.raises(ProviderError, match="Invalid model name passed in model=absent"):
        litellm.ask("hello", settings("absent"))


@BOTH
def test_a_prompt_of_more_tokens_than_the_proxy_lets_pass_is_overlong(
    litellm: Served, api: Api
) -> None:
    assert litellm.ask("hello", settings("narrow", api)).text == "it fits"
    overlong = litellm.ask(WORDS_TOO_MANY, settings("narrow", api))
    assert overlong.finish_reason is FinishReason.OVERLONG
    assert overlong.usage == Usage(0, 0)


def test_a_key_at_its_limit_is_answered_when_the_server_said_it_would_be(litellm: Served) -> None:
    # A window of 5 seconds holds 2 requests; the refusal of the third says "retry-after: 5".
    before = refusals(litellm, 429)
    limited = litellm.ask_all(3 * ["hello"], settings("mock"), key="sk-limited-a", retries=4)
    assert [generation.text for generation in limited] == 3 * ["a fixed answer"]
    assert refusals(litellm, 429) - before == 1


def test_a_key_at_its_limit_gets_no_answer_where_nothing_is_asked_again(litellm: Served) -> None:
    def ask() -> None:
        litellm.ask("hello", settings("mock"), key="sk-limited-b", retries=0)

    ask()
    ask()
    with pytest.raises(ProviderError, match="HTTP 429: Rate limit exceeded"):
        ask()


@pytest.mark.parametrize(("model", "status"), [("busy", 429), ("broken", 500)])
def test_a_model_that_only_fails_is_asked_again_and_given_up(
    litellm: Served, model: str, status: int
) -> None:
    before = refusals(litellm, status)
    with pytest.raises(ProviderError, match=f"HTTP {status}: litellm"):
        litellm.ask("hello", settings(model), retries=1)
    assert refusals(litellm, status) - before == 2
