"""The settings of a night: those of an evaluation, and which checkpoints are evaluated.

One flat model, so that Prefect shows one form and a configuration file of `evaluate` serves here
too. What tells the checkpoints apart is no setting of the night: it is left out of the form.
"""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from flows.config import EvalConfig, ids, validate
from tasks.core.checkpoint_series import Checkpoint, Order

OF_ONE_CHECKPOINT = ("checkpoint", "output")
_REVISION = "{revision}"


class NightSettings(BaseModel):
    """Where checkpoints come from, how many are evaluated, and what is called a drop."""

    checkpoints: str | None = Field(
        None,
        min_length=1,
        description="glob of checkpoint folders or .gguf files for the serve_command, as in "
        "/ckpts/run-7/step-*; those that are still being written wait for another night",
    )
    checkpoint_list: Annotated[tuple[str, ...], BeforeValidator(ids)] = Field(
        (),
        description="checkpoints instead of a glob, comma-separated: paths for the serve_command, "
        "NAME=IDENTITY for models at base_url, names of the embedded endpoint's models",
    )
    model_template: str | None = Field(
        None,
        description="take the models that base_url lists under such names, as in "
        "my-model-{revision}; a revision without a digit (latest) is an alias and left alone",
    )
    order: Order = Field(
        Order.NAME,
        description="what the order of checkpoints goes by: name (numbers in it count as numbers) "
        "or time (of the newest file)",
    )
    settle_s: float = Field(
        300, ge=0, description="seconds for which no file of a checkpoint may have changed"
    )
    per_night: int | None = Field(
        None,
        ge=1,
        description="most evaluations of one night, the newest checkpoints first (default: no "
        "limit)",
    )
    tries: int = Field(
        3,
        ge=1,
        description="evaluations that a checkpoint gets over all nights until one has a score; "
        "an interrupted one does not count",
    )
    runs_root: Path = Field(
        Path("runs/nightly"),
        description="folder of the run directories, one a checkpoint, and of the ledger; nights "
        "that share it never evaluate a checkpoint twice",
    )
    significance: float = Field(
        0.05,
        gt=0,
        lt=1,
        description="probability of calling no change a drop; 0.05 compares by 95 % intervals",
    )
    least_drop: float = Field(
        0,
        ge=0,
        le=1,
        description="smallest fall of subtask_accuracy that is called a drop, as in 0.02",
    )
    artifact_key: str = Field(
        "scicode-nightly",
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$",
        description="key of the artifact that shows the trend: lower case, digits and dashes",
    )


def _without_others(schema: dict[str, Any]) -> None:
    """Leave out of the form what each checkpoint gets for itself."""
    for name in OF_ONE_CHECKPOINT:
        schema["properties"].pop(name, None)


class NightlyConfig(EvalConfig, NightSettings):
    """Everything that one night depends on."""

    model_config = ConfigDict(json_schema_extra=_without_others)

    @model_validator(mode="after")
    def _model_is_known(self) -> Self:
        if self.base_url is not None and self.model is not None:
            raise ValueError(
                "model: at a base_url the checkpoints are the models; leave it out, and list it as "
                "NAME=IDENTITY in checkpoint_list"
            )
        return self

    @model_validator(mode="after")
    def _one_endpoint(self) -> Self:
        for name in OF_ONE_CHECKPOINT:
            if getattr(self, name) is not None:
                raise ValueError(
                    f"{name}: each checkpoint of a night has its own; use checkpoints, "
                    "checkpoint_list or model_template, and runs_root"
                )
        if self.serve_command is not None and self.base_url is not None:
            raise ValueError("serve_command: expected this or base_url, found both")
        return self

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = {
            "checkpoints": self.checkpoints is not None,
            "checkpoint_list": bool(self.checkpoint_list),
            "model_template": self.model_template is not None,
        }
        found = [name for name, is_given in given.items() if is_given]
        if len(found) != 1:
            raise ValueError(
                f"expected one of {', '.join(given)}, found {' and '.join(found) or 'none'}"
            )
        if self.checkpoints is not None and self.serve_command is None:
            raise ValueError("checkpoints: expected a serve_command that serves them, found none")
        if self.model_template is not None and self.base_url is None:
            raise ValueError("model_template: expected a base_url that lists models, found none")
        return self

    @model_validator(mode="after")
    def _template_has_a_revision(self) -> Self:
        if self.model_template is not None and self.model_template.count(_REVISION) != 1:
            raise ValueError(
                f"model_template: expected {_REVISION} once, which says what weights a name stands "
                f"for, found {self.model_template!r}"
            )
        if self.order is Order.TIME and self.serve_command is None:
            raise ValueError("order: time is that of files; without a serve_command use name")
        return self

    @model_validator(mode="after")
    def _cost_is_known(self) -> Self:
        """The model whose cost is limited is known with its checkpoint."""
        return self

    def evaluation_of(self, checkpoint: Checkpoint, output: Path) -> EvalConfig:
        """Return the configuration that evaluates one checkpoint.

        Raises:
            ConfigError: the cost is limited and the price of this model is not known.
        """
        settings: dict[str, object] = {
            name: getattr(self, name) for name in EvalConfig.model_fields
        }
        if self.serve_command is not None:
            settings["checkpoint"] = checkpoint.place
        else:
            settings["model"] = checkpoint.name
            settings["checkpoint"] = None if self.base_url is None else checkpoint.place
        return validate(EvalConfig, {**settings, "output": output})
