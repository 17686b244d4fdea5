"""The settings of a night: one form, and nothing that could mix up checkpoints."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.schemas.schedules import CronSchedule
from prefect.utilities.callables import parameter_schema

from flows.config import EvalConfig, validate
from flows.nightly import nightly
from flows.nightly_config import NightlyConfig
from flows.settings import load_settings
from tasks.core.checkpoint_series import Checkpoint, Order
from tasks.core.errors import ConfigError

DEPLOYMENTS = Path(__file__).parents[2] / "deployments" / "prefect.yaml"
COMMAND = "serve {checkpoint} --port {port}"
URL = "http://127.0.0.1:1/v1"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "expected one of checkpoints, checkpoint_list, model_template, found none"),
        (
            {"checkpoints": "a", "checkpoint_list": "b", "serve_command": COMMAND},
            "found checkpoints and checkpoint_list",
        ),
        ({"checkpoints": "a"}, "checkpoints: expected a serve_command"),
        ({"model_template": "m-{revision}"}, "model_template: expected a base_url"),
        ({"model_template": "m", "base_url": URL}, r"expected \{revision\} once"),
        (
            {"checkpoints": "a", "base_url": URL, "serve_command": COMMAND},
            "serve_command: expected this or base_url, found both",
        ),
        ({"checkpoint_list": "a=1", "base_url": URL, "model": "m"}, "model: at a base_url"),
        ({"checkpoint_list": "a", "order": "time"}, "order: time is that of files"),
        ({"checkpoint_list": "a", "checkpoint": "x"}, "checkpoint: each checkpoint of a night"),
        ({"checkpoint_list": "a", "output": "x"}, "output: each checkpoint of a night"),
        ({"checkpoint_list": "a", "tries": 0}, "tries: .*greater than or equal to 1"),
        ({"checkpoint_list": "a", "significance": 1}, "significance: .*less than 1"),
        ({"checkpoint_list": "a", "artifact_key": "No Key"}, "artifact_key: .*match pattern"),
    ],
)
def test_what_does_not_fit_together_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        validate(NightlyConfig, settings)


def test_a_served_checkpoint_is_evaluated_by_its_path() -> None:
    settings = {"checkpoints": "/c/*", "serve_command": COMMAND, "repeats": 3, "seed": 7}
    config = validate(NightlyConfig, {**settings, "order": "time"})
    evaluation = config.evaluation_of(Checkpoint("s-1", "files:1", "/c/s-1"), Path("runs/s-1"))
    assert type(evaluation) is EvalConfig
    assert (evaluation.checkpoint, evaluation.model, evaluation.model_name) == (
        "/c/s-1",
        None,
        "s-1",
    )
    assert (evaluation.repeats, evaluation.seed, evaluation.output) == (3, 7, Path("runs/s-1"))
    assert config.order is Order.TIME


def test_a_model_at_a_url_is_evaluated_by_its_name_with_its_identity() -> None:
    config = validate(NightlyConfig, {"checkpoint_list": "m=1,n=2", "base_url": URL})
    assert config.checkpoint_list == ("m=1", "n=2")
    evaluation = config.evaluation_of(Checkpoint("m", "m=1", "1"), Path("out"))
    assert (evaluation.model, evaluation.checkpoint, evaluation.base_url) == ("m", "1", URL)


def test_a_model_without_a_known_price_is_refused_where_the_cost_is_limited() -> None:
    prices = {"m": {"input": 1, "output": 1}}
    settings = {"checkpoint_list": "m=1,n=2", "base_url": URL, "max_cost": 1, "prices": prices}
    config = validate(NightlyConfig, settings)
    assert config.evaluation_of(Checkpoint("m", "m=1", "1"), Path("out")).max_cost == 1
    with pytest.raises(ConfigError, match="max_cost: expected a price of 'n'"):
        config.evaluation_of(Checkpoint("n", "n=2", "2"), Path("out"))


def test_the_settings_of_other_commands_are_passed_over() -> None:
    environment = {"SCICODE_FLOWS_QUEUE": "9", "SCICODE_FLOWS_TRIES": "5"}
    config = load_settings(NightlyConfig, {"checkpoint_list": "reference"}, environment)
    assert config.tries == 5


def form() -> dict[str, Any]:
    """What Prefect's UI shows: the fields of the flow's one parameter, in their order."""
    schema = parameter_schema(nightly)
    assert list(schema.properties) == ["config"]
    return schema.definitions["NightlyConfig"]["properties"]


def test_the_form_shows_the_night_first_and_then_the_evaluation() -> None:
    fields = form()
    assert list(fields)[:3] == ["checkpoints", "checkpoint_list", "model_template"]
    assert {"dataset", "serve_command", "repeats", "temperature"} <= fields.keys()
    assert not {"checkpoint", "output"} & fields.keys()


def test_every_field_of_the_form_has_a_title_and_a_help_text() -> None:
    lacking = [name for name, field in form().items() if not field.get("description")]
    assert lacking == []
    # One that refers to a list of choices has the title of that list.
    assert [n for n, f in form().items() if not f.get("title") and "$ref" not in f] == []


def test_the_deployment_has_valid_parameters_and_a_schedule_with_a_time_zone() -> None:
    deployments = yaml.safe_load(DEPLOYMENTS.read_text())["deployments"]
    (deployment,) = (d for d in deployments if d["name"] == "nightly")
    assert deployment["entrypoint"] == "flows.nightly.nightly"
    config = validate(NightlyConfig, deployment["parameters"]["config"])
    assert config.checkpoint_list == ("flawed", "reference")
    (schedule,) = (CronSchedule(**entry) for entry in deployment["schedules"])
    assert (schedule.cron, schedule.timezone) == ("0 2 * * *", "UTC")
