"""Where settings come from: four layers, the command line on top."""

from pathlib import Path

import pytest

from flows.settings import load_config, load_service_config, load_verify_config
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
        ("repeat: 2\n", r"unknown setting 'repeat'; did you mean repeats"),
        ("xyz: 2\n", r"unknown setting 'xyz'; expected one of: api, api_key_env, .*workers"),
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


def test_sub_steps_have_time_limits_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("step-time-limits: {'12.14': 3600}\n")
    assert load_config({}, file, {}).step_time_limits == {"12.14": 3600.0}
    config = load_config({"step_time_limits": "12.14=3600, 60.5=7200"}, None, {})
    assert config.step_time_limits == {"12.14": 3600.0, "60.5": 7200.0}


def test_one_environment_may_be_named_in_the_singular(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("environment: scipy-2024\n")
    assert load_config({}, file, {}).environments == ("scipy-2024",)
    variable = {"SCICODE_FLOWS_ENVIRONMENT": "current,scipy-2024"}
    assert load_config({}, None, variable).environments == ("current", "scipy-2024")


def test_a_verification_takes_no_settings_of_a_model() -> None:
    with pytest.raises(ConfigError, match="unknown setting 'repeats'"):
        load_verify_config({"programs": "p.jsonl", "repeats": "2"}, {})


def test_a_verification_passes_over_a_models_variables() -> None:
    environment = {"SCICODE_FLOWS_REPEATS": "2", "SCICODE_FLOWS_WORKERS": "3"}
    config = load_verify_config({"programs": "p.jsonl"}, environment)
    assert config.workers == 3


def test_an_evaluation_passes_over_the_variables_of_the_service() -> None:
    environment = {"SCICODE_FLOWS_QUEUE": "9", "SCICODE_FLOWS_REPEATS": "2"}
    assert load_config({}, None, environment).repeats == 2
    assert load_service_config({}, environment).queue == 9


def test_a_verification_refuses_an_unknown_variable() -> None:
    with pytest.raises(ConfigError, match="unknown setting 'workrs'"):
        load_verify_config({"programs": "p.jsonl"}, {"SCICODE_FLOWS_WORKRS": "3"})
