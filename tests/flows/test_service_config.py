"""Who may reach the verifier service is settled before it listens."""

import os
from collections.abc import Iterator

import pytest

from flows.config import validate
from flows.service_config import ServiceConfig, read_token
from flows.settings import load_service_config
from tasks.core.errors import ConfigError

VARIABLE = "SERVICE_CONFIG_TOKEN"


@pytest.fixture
def token_variable() -> Iterator[str]:
    yield VARIABLE
    os.environ.pop(VARIABLE, None)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_a_loopback_address_needs_no_token(host: str) -> None:
    assert read_token(validate(ServiceConfig, {"host": host})) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])  # noqa: S104 - refused
def test_any_other_address_needs_a_token(host: str) -> None:
    with pytest.raises(ConfigError, match=r"expected a loopback address .* give --token-env"):
        read_token(validate(ServiceConfig, {"host": host}))


def test_with_a_token_any_address_will_do(token_variable: str) -> None:
    os.environ[token_variable] = " secret\n"
    config = validate(ServiceConfig, {"host": "192.168.1.5", "token_env": token_variable})
    assert read_token(config) == "secret"


@pytest.mark.parametrize("value", [None, "", " \n"])
def test_an_empty_token_lets_nobody_in(token_variable: str, value: str | None) -> None:
    if value is not None:
        os.environ[token_variable] = value
    with pytest.raises(ConfigError, match=rf"variable {VARIABLE}, found none"):
        read_token(validate(ServiceConfig, {"token_env": token_variable}))


@pytest.mark.parametrize(
    ("setting", "value"),
    [("port", "65536"), ("port", "-1"), ("queue", "0"), ("token_env", "$X"), ("grace_s", "-1")],
)
def test_settings_that_cannot_be_used_are_named(setting: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^{setting}: "):
        load_service_config({setting: value}, {})


def test_the_command_line_beats_the_environment() -> None:
    environment = {
        "SCICODE_FLOWS_QUEUE": "5",
        "SCICODE_FLOWS_PORT": "9000",
        "SCICODE_FLOWS_REPEATS": "3",  # of `evaluate`
    }
    config = load_service_config({"port": "9001"}, environment)
    assert (config.queue, config.port) == (5, 9001)
