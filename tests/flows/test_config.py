"""Settings: four layers, validated before any work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.config import (
    EvalConfig,
    load_config,
    load_verify_config,
    read_key,
    validate,
)
from tasks.core.errors import ConfigError
from tasks.core.records import Given, Scored


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.yaml"
    path.write_text("repeats: 3\n")
    return path


def test_a_default_holds_where_nothing_is_set() -> None:
    assert load_config({}, None, {}).repeats == 1


def test_the_environment_wins_over_a_default() -> None:
    assert load_config({}, None, {"SCICODE_FLOWS_REPEATS": "2"}).repeats == 2


def test_the_file_wins_over_the_environment(file: Path) -> None:
    assert load_config({}, file, {"SCICODE_FLOWS_REPEATS": "2"}).repeats == 3


def test_the_command_line_wins_over_the_file(file: Path) -> None:
    assert load_config({"repeats": "4"}, file, {}).repeats == 4


def test_the_command_line_wins_over_the_environment() -> None:
    assert load_config({"repeats": "4"}, None, {"SCICODE_FLOWS_REPEATS": "2"}).repeats == 4


def test_layers_are_merged_setting_by_setting(file: Path) -> None:
    config = load_config({"seed": "7"}, file, {"SCICODE_FLOWS_TOP_P": "0.5"})
    assert (config.seed, config.repeats, config.top_p) == (7, 3, 0.5)


def test_an_empty_variable_sets_nothing() -> None:
    assert load_config({}, None, {"SCICODE_FLOWS_REPEATS": ""}).repeats == 1


def test_a_variable_of_another_program_is_passed_over() -> None:
    assert load_config({}, None, {"REPEATS": "2"}).repeats == 1


def test_problems_are_a_list_or_comma_separated(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("problems: [1, '13']\n")
    assert load_config({}, file, {}).problems == ("1", "13")
    assert load_config({"problems": " 1, 13,"}, None, {}).problems == ("1", "13")


def test_a_file_may_write_settings_with_dashes(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("max-tokens: 5\ngiven: extracted\nscored: with-targets\n")
    config = load_config({}, file, {})
    assert (config.max_tokens, config.given) == (5, Given.EXTRACTED)
    assert config.scored is Scored.WITH_TARGETS


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("# nothing\n")
    assert load_config({}, file, {}) == load_config({}, None, {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "expected `setting: value` lines, found list"),
        ("a: [\n", "is not valid YAML"),
        ("repeat: 2\n", r"unknown setting 'repeat'; expected one of: api_key_env, .*repeats"),
        ("repeats: many\n", "repeats: .*valid integer.*found 'many'"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config({}, file, {})


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the configuration file .*absent\.yaml"):
        load_config({}, tmp_path / "absent.yaml", {})


def test_an_unknown_variable_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown setting 'temprature'"):
        load_config({}, None, {"SCICODE_FLOWS_TEMPRATURE": "1"})


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
        ("background", "perhaps"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}: .*found '{value}'"):
        load_config({name: value}, None, {})


def test_every_wrong_setting_gets_a_line() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({"repeats": "0", "workers": "x"}, None, {})
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "workers",
        "repeats",
    ]


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


def test_a_verification_takes_no_settings_of_a_model() -> None:
    with pytest.raises(ConfigError, match="unknown setting 'repeats'"):
        load_verify_config({"programs": "p.jsonl", "repeats": "2"}, {})


def test_a_verification_passes_over_a_models_variables() -> None:
    environment = {"SCICODE_FLOWS_REPEATS": "2", "SCICODE_FLOWS_WORKERS": "3"}
    config = load_verify_config({"programs": "p.jsonl"}, environment)
    assert config.workers == 3


def test_a_verification_refuses_an_unknown_variable() -> None:
    with pytest.raises(ConfigError, match="unknown setting 'workrs'"):
        load_verify_config({"programs": "p.jsonl"}, {"SCICODE_FLOWS_WORKRS": "3"})


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
