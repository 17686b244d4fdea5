"""Command line, file and environment -> configuration.

Where a setting comes from, the strongest first: command line, configuration file (YAML),
environment (`SCICODE_FLOWS_<SETTING>`), default.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import yaml
from pydantic import BaseModel

from flows.config import EvalConfig, Settings, VerifyConfig, validate
from flows.nightly_config import NightlyConfig
from flows.service_config import ServiceConfig
from tasks.core.errors import ConfigError

ENVIRONMENT_PREFIX = "SCICODE_FLOWS_"
_MODELS = (EvalConfig, VerifyConfig, ServiceConfig, NightlyConfig)


def load_config(
    arguments: Mapping[str, object], file: Path | None, environment: Mapping[str, str]
) -> EvalConfig:
    """Merge the layers of an evaluation's settings and validate them.

    Raises:
        ConfigError: a setting is unknown or has a value that cannot be used.
    """
    inherited = _without_others(EvalConfig, _from_environment(environment))
    return validate(EvalConfig, {**inherited, **_from_file(file), **arguments})


def load_verify_config(
    arguments: Mapping[str, object], environment: Mapping[str, str]
) -> VerifyConfig:
    """Merge command line and environment and validate them.

    Raises:
        ConfigError: a setting is unknown or has a value that cannot be used.
    """
    return load_settings(VerifyConfig, arguments, environment)


def load_service_config(
    arguments: Mapping[str, object], environment: Mapping[str, str]
) -> ServiceConfig:
    """Merge command line and environment and validate them.

    Raises:
        ConfigError: a setting is unknown or has a value that cannot be used.
    """
    return load_settings(ServiceConfig, arguments, environment)


def load_settings(
    model: type[Settings],
    arguments: Mapping[str, object],
    environment: Mapping[str, str],
    file: Path | None = None,
) -> Settings:
    """Merge the layers of a command; the settings of other commands are passed over.

    Raises:
        ConfigError: a setting is unknown or has a value that cannot be used.
    """
    inherited = {**_from_environment(environment), **_from_file(file)}
    return validate(model, {**_without_others(model, inherited), **arguments})


def _from_file(file: Path | None) -> dict[str, object]:
    if file is None:
        return {}
    try:
        content: object = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the configuration file {file}: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{file} is not valid YAML: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(
            f"{file}: expected `setting: value` lines, found {type(content).__name__}"
        )
    settings = cast("dict[object, object]", content)
    return {_spelled(str(key).replace("-", "_")): value for key, value in settings.items()}


def _from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    return {
        _spelled(name.removeprefix(ENVIRONMENT_PREFIX).lower()): value
        for name, value in environment.items()
        if name.startswith(ENVIRONMENT_PREFIX) and value
    }


def _without_others(model: type[BaseModel], settings: Mapping[str, object]) -> dict[str, object]:
    """Drop what only other commands know; what none knows stays, and is then refused."""
    of_others = {name for other in _MODELS for name in other.model_fields}
    of_others -= set(model.model_fields)
    return {name: value for name, value in settings.items() if name not in of_others}


def _spelled(name: str) -> str:
    """Accept the singular of a list that mostly holds one; the command line takes it anyway."""
    return "environments" if name == "environment" else name
