"""The configuration: validated before any work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.config import (
    EvalConfig,
    read_key,
    validate,
)
from flows.settings import load_config
from tasks.core.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("repeats", "-1"),
        ("repeats", "0"),
        ("workers", "0"),
        ("concurrency", "0"),
        ("live_problems", "0"),
        ("temperature", "-0.1"),
        ("temperature", "nan"),
        ("temperature", "inf"),
        ("top_p", "0"),
        ("top_p", "1.1"),
        ("max_tokens", "0"),
        ("time_limit_s", "0"),
        ("time_limit_s", "nan"),
        ("time_limit_s", "inf"),
        ("wall_limit_s", "inf"),
        ("request_timeout_s", "nan"),
        ("request_retries", "-1"),
        ("memory_bytes", "1000"),
        ("api_key_env", "no name"),
        ("scored", "some"),
        ("given", "half"),
        ("unimportable", "perhaps"),
        ("confirm", "-1"),
        ("confirm_which", "some"),
        ("confirm_rule", "most"),
        ("background", "perhaps"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}: .*found '{value}'"):
        load_config({name: value}, None, {})


def test_an_empty_list_of_environments_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"environments: .*at least 1 item"):
        load_config({"environments": ","}, None, {})


def test_a_limit_out_of_range_is_refused_with_its_sub_step() -> None:
    with pytest.raises(ConfigError, match=r"^step_time_limits \(12\.14\): .*found '0'"):
        load_config({"step_time_limits": "12.14=0"}, None, {})


def test_every_wrong_setting_gets_a_line() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({"repeats": "0", "workers": "x"}, None, {})
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "workers",
        "repeats",
    ]


@pytest.mark.parametrize("name", ["model", "base_url", "output", "targets", "cache_dir"])
def test_an_empty_text_is_no_value(name: str) -> None:
    """As of a field that was emptied in the form, or a shell's variable that is not set."""
    with pytest.raises(ConfigError, match=rf"^{name}: expected a value, found an empty text"):
        load_config({name: ""}, None, {})


def test_an_endpoint_needs_a_model() -> None:
    with pytest.raises(ConfigError, match="expected the name of a model at base_url, found none"):
        load_config({"base_url": "http://127.0.0.1:1/v1"}, None, {})


def test_without_a_model_the_reference_answers() -> None:
    assert load_config({}, None, {}).model_name == "reference"


def test_a_configuration_cannot_be_changed() -> None:
    config = load_config({}, None, {})
    with pytest.raises(ValueError, match="frozen"):
        config.repeats = 2


def test_every_setting_says_what_it_does() -> None:
    assert [n for n, field in EvalConfig.model_fields.items() if not field.description] == []


def test_the_cache_lies_where_the_user_keeps_caches() -> None:
    assert (
        validate(EvalConfig, {}).cache_dir == Path(os.environ["XDG_CACHE_HOME"]) / "scicode-flows"
    )


def test_a_key_that_is_not_set_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN_KEY", "k")
    assert (read_key("OWN_KEY"), read_key("NO_SUCH_KEY")) == ("k", "")


def test_what_the_user_sets_for_prefect_wins() -> None:
    source = (
        "import os; from flows.config import prepare_prefect; prepare_prefect(); "
        "print(os.environ['PREFECT_LOGGING_LEVEL'], os.environ['PREFECT_SERVER_ANALYTICS_ENABLED'])"
    )
    environment = {**os.environ, "PREFECT_LOGGING_LEVEL": "DEBUG"}
    del environment["PREFECT_SERVER_ANALYTICS_ENABLED"]
    ran = subprocess.run(
        [sys.executable, "-c", source], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "DEBUG false\n"
