"""The one configuration of an evaluation, validated before any work.

`flows.settings` tells where a setting comes from.
"""

import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    PositiveFloat,
    ValidationError,
    model_validator,
)

from flows.endpoint_config import EndpointConfig
from flows.execution_config import ExecutionConfig
from flows.form import SETTINGS
from flows.sampling_config import SamplingConfig
from flows.server_settings import read_server_settings
from tasks.core.errors import ConfigError
from tasks.core.records import Extraction, Given, Scored
from tasks.core.rulings import Repeated, TryRule
from tasks.sandbox.layers import Level

Settings = TypeVar("Settings", bound=BaseModel)

EXAMPLE = "example"
CURRENT = "current"


class Unimportable(StrEnum):
    """What happens to problems whose dependencies are missing."""

    REFUSE = "refuse"
    LEAVE_OUT = "leave-out"


def ids(value: object) -> object:
    """Accept `1,3` as well as a list."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, list):
        return tuple(map(str, cast("list[object]", value)))
    return value


def _by_step(value: object) -> object:
    """Accept `12.14=3600,60.5=7200` as well as a mapping."""
    if not isinstance(value, str):
        return value
    pairs = (part.partition("=") for part in value.split(",") if part.strip())
    return {step_id.strip(): seconds.strip() for step_id, _, seconds in pairs}


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "scicode-flows"


class DataSettings(ExecutionConfig):
    """Which problems are evaluated, and what their programs may use."""

    model_config = SETTINGS

    dataset: str = Field(
        EXAMPLE,
        description="example, scicode, scicode-dev, scicode-all, verified, or a .jsonl file",
    )
    targets: Path | None = Field(None, description="HDF5 file with the expected values")
    data_dir: Path = Field(Path("data"), description="folder that holds the named datasets")
    upstream: Path | None = Field(
        None,
        description="folder with the official prompt templates and given code "
        "(default: `upstream` beside the problems)",
    )
    problems: Annotated[tuple[str, ...], BeforeValidator(ids)] = Field(
        (), description="ids of the problems to evaluate, comma-separated (default: all)"
    )
    scored: Scored = Field(
        Scored.ALL,
        description="which sub-steps count; with-targets leaves out those without targets "
        "and says so in the metrics",
    )
    given: Given = Field(
        Given.WHOLE,
        description="whole: given code enters the chain as it is; extracted: as the official "
        "harness cuts it",
    )
    time_limit_s: float | None = Field(
        None,
        gt=0,
        description="processor seconds of one sub-step's program (default: 1800; example: 10)",
    )
    wall_limit_s: float | None = Field(
        None, gt=0, description="wall-clock seconds of one program (default: 3 x time limit)"
    )
    step_time_limits: Annotated[Mapping[str, PositiveFloat], BeforeValidator(_by_step)] = Field(
        default_factory=dict[str, float],
        description="processor seconds for some sub-steps instead, as in 12.14=3600,60.5=7200",
    )
    memory_bytes: int = Field(
        8 * 2**30, ge=2**28, description="address space of one program, in bytes"
    )
    isolation: Level = Field(
        Level.STRONG,
        description="least confinement of programs: full, strong, any or none; the run refuses to "
        "start where the host gives less",
    )
    workers: int | None = Field(
        None, ge=1, description="programs that run at once (default: number of cores)"
    )
    environments: Annotated[tuple[str, ...], BeforeValidator(ids)] = Field(
        (CURRENT,),
        min_length=1,
        description="Python environments that programs run in, comma-separated: current, a name "
        "in deployments/environments or a lock file; with several, a program passes that passes "
        "in one of them",
    )
    unimportable: Unimportable = Field(
        Unimportable.REFUSE,
        description="problems whose declared dependencies cannot be imported: refuse to start, or "
        "leave-out, which the metrics say",
    )
    confirm: int = Field(
        0, ge=0, description="further tries of a verification, to find the ones that are unstable"
    )
    confirm_which: Repeated = Field(
        Repeated.FAILING, description="which verifications are tried again: failing or all"
    )
    confirm_rule: TryRule = Field(
        TryRule.FIRST, description="which of the tries decides: first, any or all"
    )
    reveal_targets: bool = Field(
        default=False,
        description="let the details of verdicts quote expected values; keep such a run private",
    )
    cache_dir: Path = Field(
        default_factory=_default_cache,
        description="folder of what is kept between runs: generations, verdicts, environments",
    )
    verdict_cache: bool = Field(
        default=True, description="take verdicts that are known from earlier runs"
    )
    output: Path | None = Field(
        None, description="run directory (default: runs/<timestamp>-<model>)"
    )


class EvalConfig(DataSettings, EndpointConfig, SamplingConfig):
    """Everything that one evaluation depends on."""

    model: str | None = Field(
        None,
        description="name of the model at the endpoint (default: reference, on the embedded one; "
        "the checkpoint's own name where it is served)",
    )
    repeats: int = Field(1, ge=1, description="independent tries at every problem")
    background: bool = Field(default=True, description="give the model the scientific background")
    prompt: str | None = Field(
        None,
        description="official, own, either with -with-background or -without-background, or a "
        "template file (default: official if there, else own)",
    )
    extraction: Extraction = Field(
        Extraction.OFFICIAL,
        description="how code is taken out of an answer: official, as published scores do; robust "
        "keeps imports and takes the last block of code",
    )
    live_problems: int | None = Field(
        None,
        ge=1,
        description="problems being written at once (default: as many as fill it)",
    )

    @model_validator(mode="after")
    def _model_is_known(self) -> Self:
        if self.base_url is not None and not self.model:
            raise ValueError("model: expected the name of a model at base_url, found none")
        return self

    @model_validator(mode="after")
    def _one_endpoint(self) -> Self:
        if self.serve_command is None:
            return self
        if self.base_url is not None:
            raise ValueError("serve_command: expected this or base_url, found both")
        if self.checkpoint is None:
            raise ValueError("checkpoint: expected what serve_command serves, found none")
        return self

    @model_validator(mode="after")
    def _cost_is_known(self) -> Self:
        if self.max_cost is not None and self.model_name not in self.prices:
            raise ValueError(
                f"max_cost: expected a price of {self.model_name!r} in prices; add it there"
            )
        return self

    @property
    def model_name(self) -> str:
        """The model asked: by default the checkpoint's name, or the embedded `reference`."""
        if self.model is None and self.serve_command is not None and self.checkpoint is not None:
            return Path(self.checkpoint).name
        return self.model or "reference"


class VerifyConfig(DataSettings):
    """Everything that the verification of given programs depends on."""

    programs: Path = Field(description="JSON lines of step_id, program and repeat")


class DoctorConfig(EvalConfig):
    """The settings that doctor looks at; an endpoint can be asked without naming a model."""

    @model_validator(mode="after")
    def _model_is_known(self) -> Self:
        return self


def validate(model: type[Settings], values: Mapping[str, object]) -> Settings:
    """Build a settings model.

    Raises:
        ConfigError: one line for each setting that is wrong.
    """
    try:
        return model(**cast("dict[str, Any]", values))
    except ValidationError as error:
        raise ConfigError("\n".join(_complaints(error, model))) from error


def _complaints(error: ValidationError, model: type[BaseModel]) -> list[str]:
    lines: list[str] = []
    for problem in error.errors():
        name = str(problem["loc"][0]) if problem["loc"] else "configuration"
        if problem["type"] == "extra_forbidden":
            lines.append(f"unknown setting {name!r}; {_expected(name, sorted(model.model_fields))}")
        elif not problem["loc"]:
            lines.append(problem["msg"].removeprefix("Value error, "))
        else:
            place = "".join(f" ({part})" for part in problem["loc"][1:])
            lines.append(f"{name}{place}: {problem['msg']}, found {problem['input']!r}")
    return lines


def _expected(name: str, known: Sequence[str]) -> str:
    """Name the settings that may be meant, or else all."""
    close = get_close_matches(name, known)
    return (
        f"did you mean {' or '.join(close)}?" if close else f"expected one of: {', '.join(known)}"
    )


def process_environment() -> Mapping[str, str]:
    """Return the environment of this process."""
    return os.environ


def read_key(variable: str) -> str:
    """Return the endpoint's key; an endpoint without keys takes any, so absence is no error."""
    return os.environ.get(variable, "")


def prepare_prefect() -> None:
    """Set Prefect's defaults for a run in this process, before Prefect is imported.

    Without a configured server the run starts one of its own, which keeps up with many short task
    runs. What the user has set wins.
    """
    for name, value in {**read_server_settings(), **_RUN_DEFAULTS}.items():
        os.environ.setdefault(name, value)


def prepare_server(chosen: Mapping[str, str]) -> None:
    """Set Prefect's settings for a server in this process, before Prefect is imported.

    Args:
        chosen: what the command line says; it beats the environment, and that beats the file.
    """
    os.environ.update(chosen)
    for name, value in read_server_settings().items():
        os.environ.setdefault(name, value)


_RUN_DEFAULTS = {
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # Bars, summary and the one error message say what a person needs; the server keeps, with the
    # state of every run, why it failed.
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
}
