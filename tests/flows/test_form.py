"""The form that Prefect's pages make of the settings: its schema, as the server stores it."""

from typing import Any

import pytest
from pydantic import BaseModel

from flows.config import EvalConfig, VerifyConfig

ENUMS = {
    "api": ["chat", "responses"],
    "given": ["whole", "extracted"],
    "scored": ["all", "with-targets"],
    "extraction": ["official", "robust"],
    "isolation": ["full", "strong", "any", "none"],
    "unimportable": ["refuse", "leave-out"],
    "confirm_which": ["failing", "all"],
    "confirm_rule": ["first", "any", "all"],
}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """Return what Prefect stores with the deployment of the evaluation."""
    from prefect.utilities.callables import parameter_schema

    from flows.evaluation import evaluate

    return parameter_schema(evaluate).model_dump()


@pytest.fixture(scope="module")
def fields(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the fields of the form, in order."""
    return schema["definitions"]["EvalConfig"]["properties"]


def accepts(schema: dict[str, Any], **settings: object) -> bool:
    """Whether the server would take these for a run, as it checks them."""
    from prefect.utilities.schema_tools.validation import is_valid

    return is_valid({"config": settings}, schema)


def test_the_whole_form_is_the_one_parameter(schema: dict[str, Any]) -> None:
    assert list(schema["properties"]) == ["config"]


def test_every_setting_is_a_field_with_a_title_and_help(
    fields: dict[str, dict[str, Any]],
) -> None:
    assert set(fields) == set(EvalConfig.model_fields)
    assert [name for name, field in fields.items() if not field["description"]] == []
    titles = [field["title"] for field in fields.values()]
    assert [text for text in titles if "_" in text or not text[0].isupper()] == []
    assert len(set(titles)) == len(titles)


def test_a_unit_stands_in_the_title(fields: dict[str, dict[str, Any]]) -> None:
    assert fields["request_timeout_s"]["title"] == "Request timeout (seconds)"
    assert fields["time_limit_s"]["title"] == "Time limit (processor seconds)"
    assert fields["memory_bytes"]["title"] == "Memory (bytes)"
    assert fields["data_dir"]["title"] == "Data folder"


def test_the_form_begins_with_the_model_and_its_endpoint(
    fields: dict[str, dict[str, Any]],
) -> None:
    order = list(fields)
    assert order[:3] == ["model", "base_url", "api_key_env"]
    followed = ["dataset", "temperature", "concurrency", "isolation", "output"]
    assert sorted(followed, key=order.index) == followed


def test_a_setting_that_may_be_absent_is_a_plain_input(
    fields: dict[str, dict[str, Any]],
) -> None:
    assert [name for name, field in fields.items() if "anyOf" in field] == []
    assert fields["base_url"]["type"] == "string"
    assert fields["output"]["type"] == "string"
    assert (fields["top_p"]["type"], fields["top_p"]["maximum"]) == ("number", 1)


@pytest.mark.parametrize("name", ENUMS)
def test_a_choice_is_a_list_of_its_values(
    schema: dict[str, Any], fields: dict[str, dict[str, Any]], name: str
) -> None:
    definition = fields[name]["$ref"].removeprefix("#/definitions/")
    assert schema["definitions"][definition]["enum"] == ENUMS[name]
    assert fields[name]["default"] in ENUMS[name]


def test_no_help_can_be_taken_for_markup(fields: dict[str, dict[str, Any]]) -> None:
    assert [name for name, field in fields.items() if "<" in field["description"]] == []


@pytest.mark.parametrize("model", [EvalConfig, VerifyConfig])
def test_what_the_form_shows_first_is_accepted_as_it_is(model: type[BaseModel]) -> None:
    fields = model.model_json_schema()["properties"]
    shown = {name: field["default"] for name, field in fields.items() if "default" in field}
    assert model.model_validate(shown | ({"programs": "p"} if "programs" in fields else {}))


def test_the_server_takes_what_a_person_fills_in(schema: dict[str, Any]) -> None:
    settings: dict[str, object] = {
        "model": "m",
        "base_url": "http://127.0.0.1:1/v1",
        "temperature": None,
        "targets": None,
        "problems": ["1", "3"],
        "step_time_limits": {"12.14": 3600},
        "prices": {"m": {"input": 0.5, "output": 2}},
        "extra_body": {"top_k": 20, "nested": [1, {"a": None}]},
        "isolation": "full",
    }
    assert accepts(schema, **settings)
    assert EvalConfig.model_validate(settings).problems == ("1", "3")


@pytest.mark.parametrize(
    ("name", "value"),
    [("repeats", 0), ("isolation", "some"), ("top_p", 2), ("problems", "1,3"), ("no_setting", 1)],
)
def test_the_server_refuses_what_is_no_setting(
    schema: dict[str, Any], name: str, value: object
) -> None:
    assert not accepts(schema, **{name: value})
