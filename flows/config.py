"""The one configuration of an evaluation, validated before any work.

`flows.settings` tells where a setting comes from.
"""

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    ValidationError,
    model_validator,
)

from tasks.core.errors import ConfigError
from tasks.core.records import Given, Scored
from tasks.core.rulings import Repeated, TryRule
from tasks.sandbox.layers import Level

Settings = TypeVar("Settings", bound=BaseModel)

EXAMPLE = "example"
CURRENT = "current"


class Unimportable(StrEnum):
    """What happens to problems whose dependencies are missing."""

    REFUSE = "refuse"
    LEAVE_OUT = "leave-out"


def _ids(value: object) -> object:
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


class DataSettings(BaseModel):
    """Which problems are evaluated, and what their programs may use."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

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
    problems: Annotated[tuple[str, ...], BeforeValidator(_ids)] = Field(
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
    environments: Annotated[tuple[str, ...], BeforeValidator(_ids)] = Field(
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


class EvalConfig(DataSettings):
    """Everything that one evaluation depends on."""

    model: str | None = Field(
        None,
        description="name of the model at the endpoint (default: reference, on the embedded one)",
    )
    base_url: str | None = Field(
        None,
        description="URL of an OpenAI-compatible endpoint, ending in /v1 "
        "(default: an embedded one that serves the models reference and flawed)",
    )
    checkpoint: str | None = Field(
        None,
        description="identity of the weights behind the model's name, part of the cache key "
        "(default: the base URL)",
    )
    api_key_env: str = Field(
        "OPENAI_API_KEY",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="name of the environment variable that holds the endpoint's key",
    )
    repeats: int = Field(1, ge=1, description="independent tries at every problem")
    background: bool = Field(default=True, description="give the model the scientific background")
    prompt: Path | None = Field(
        None, description="prompt template file (default: the official one if there, else ours)"
    )
    temperature: float | None = Field(
        None, ge=0, description="sampling temperature (default: not sent)"
    )
    top_p: float | None = Field(
        None, gt=0, le=1, description="nucleus sampling mass (default: not sent)"
    )
    max_tokens: int | None = Field(
        None, ge=1, description="longest generation, in tokens (default: not sent)"
    )
    seed: int | None = Field(
        None, description="sampling seed; repeat r sends seed + r (default: not sent)"
    )
    request_timeout_s: float = Field(600, gt=0, description="seconds to wait for one generation")
    request_retries: int = Field(4, ge=0, description="further tries of a failed request")
    concurrency: int = Field(16, ge=1, description="requests in flight at once")
    live_problems: int = Field(8, ge=1, description="problems in progress at once")

    @model_validator(mode="after")
    def _model_is_known(self) -> Self:
        if self.base_url is not None and not self.model:
            raise ValueError("model: expected the name of a model at base_url, found none")
        return self

    @property
    def model_name(self) -> str:
        """The model asked, the embedded endpoint's `reference` by default."""
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
            known = ", ".join(sorted(model.model_fields))
            lines.append(f"unknown setting {name!r}; expected one of: {known}")
        elif not problem["loc"]:
            lines.append(problem["msg"].removeprefix("Value error, "))
        else:
            place = "".join(f" ({part})" for part in problem["loc"][1:])
            lines.append(f"{name}{place}: {problem['msg']}, found {problem['input']!r}")
    return lines


def process_environment() -> Mapping[str, str]:
    """Return the environment of this process."""
    return os.environ


def read_key(variable: str) -> str:
    """Return the endpoint's key; an endpoint without keys takes any, so absence is no error."""
    return os.environ.get(variable, "")


def prepare_prefect() -> None:
    """Set Prefect's defaults for a run in this process, before Prefect is imported.

    Without a configured server Prefect starts one for the run; its batch sizes are those that keep
    up with many short task runs. What the user has set wins.
    """
    for name, value in _PREFECT_DEFAULTS.items():
        os.environ.setdefault(name, value)


_PREFECT_DEFAULTS = {
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "2",
    # Bars, summary and the one error message say what a person needs; the server keeps, with the
    # state of every run, why it failed.
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
}
