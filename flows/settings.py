"""Command line, file and environment -> configuration.

Where a setting comes from, the strongest first: command line, configuration file (YAML),
environment (`SCICODE_FLOWS_<SETTING>`), default.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import yaml

from flows.config import EvalConfig, Settings, VerifyConfig, validate
from tasks.core.errors import ConfigError

ENVIRONMENT_PREFIX = "SCICODE_FLOWS_"


def load_config(
    arguments: Mapping[str, object], file: Path | None, environment: Mapping[str, str]
) -> EvalConfig:
    """Merge the layers and validate them.

    Raises:
        ConfigError: a setting is unknown or has a value that cannot be used.
    """
    layers = {**_from_environment(environment), **_from_file(file), **arguments}
    return validate(EvalConfig, layers)


def load_verify_config(
    arguments: Mapping[str, object], environment: Mapping[str, str]
) -> VerifyConfig:
    """Merge command line and environment and validate them.

    Raises:
        ConfigError: a setting is unknown or has a value that cannot be used.
    """
    return load_settings(VerifyConfig, arguments, environment)


def load_settings(
    model: type[Settings],
    arguments: Mapping[str, object],
    environment: Mapping[str, str],
    file: Path | None = None,
) -> Settings:
    """Merge the layers of a command that takes some of an evaluation's settings.

    Raises:
        ConfigError: a setting is unknown or has a value that cannot be used.
    """
    inherited = {
        name: value
        for name, value in {**_from_environment(environment), **_from_file(file)}.items()
        if name in model.model_fields or name not in EvalConfig.model_fields
    }
    return validate(model, {**inherited, **arguments})


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


def _spelled(name: str) -> str:
    """Accept the singular of a list that mostly holds one; the command line takes it anyway."""
    return "environments" if name == "environment" else name
