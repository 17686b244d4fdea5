"""Settings are sent as they are set, under the names of the API."""

import pytest

from tasks.core.model_settings import Api, ModelSettings
from tasks.core.request_fields import output_limit, request_fields, shortened

NOTHING = ModelSettings("m", "c")
EVERYTHING = ModelSettings(
    "m",
    "c",
    temperature=0.0,
    top_p=0.9,
    max_tokens=100,
    seed=0,
    stop=("a", "b"),
    reasoning_effort="high",
    extra_body={"top_k": 1, "nested": {"x": [True, None]}},
)


@pytest.mark.parametrize("api", Api)
def test_nothing_is_invented(api: Api) -> None:
    assert request_fields(ModelSettings("m", "c", api=api)) == {}


def test_a_chat_request_has_every_setting() -> None:
    assert request_fields(EVERYTHING) == {
        "temperature": 0.0,
        "top_p": 0.9,
        "max_tokens": 100,
        "seed": 0,
        "stop": ["a", "b"],
        "reasoning_effort": "high",
        "top_k": 1,
        "nested": {"x": [True, None]},
    }


def test_the_responses_api_has_other_names() -> None:
    settings = ModelSettings(
        "m",
        "c",
        temperature=1.0,
        top_p=0.5,
        max_completion_tokens=7,
        reasoning_effort="low",
        extra_body={"store": False},
        api=Api.RESPONSES,
    )
    assert request_fields(settings) == {
        "temperature": 1.0,
        "top_p": 0.5,
        "max_output_tokens": 7,
        "reasoning": {"effort": "low"},
        "store": False,
    }


def test_a_generation_is_shortened_by_the_setting_that_limits_it() -> None:
    assert request_fields(shortened(EVERYTHING, 9))["max_tokens"] == 9
    assert request_fields(shortened(NOTHING, 9)) == {"max_tokens": 9}
    assert "max_tokens" not in request_fields(shortened(EVERYTHING, 0))
    newer = ModelSettings("m", "c", max_completion_tokens=50)
    assert request_fields(shortened(newer, 9)) == {"max_completion_tokens": 9}


def test_the_limit_is_either_of_the_two() -> None:
    assert output_limit(NOTHING) is None
    assert output_limit(EVERYTHING) == 100
    assert output_limit(ModelSettings("m", "c", max_completion_tokens=50)) == 50
