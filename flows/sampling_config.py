"""The part of the configuration that says how the model writes: everything sent with a prompt.

A setting that is not given is not sent, and the endpoint's own default holds.
"""

import json
from typing import Annotated, Self, cast

from pydantic import BaseModel, BeforeValidator, Field, JsonValue, model_validator

from flows.form import SETTINGS
from tasks.core.model_settings import Api

# What the other settings send; in `extra_body` it would be sent, but not seen.
_OWN_FIELDS = frozenset(
    {
        *("model", "messages", "input", "temperature", "top_p", "max_tokens", "seed", "stop"),
        *("max_completion_tokens", "max_output_tokens", "reasoning_effort", "reasoning"),
        *("stream", "n"),
    }
)


def parsed(value: object) -> object:
    """Accept JSON text as well as what it stands for."""
    if not isinstance(value, str):
        return value
    try:
        return cast(object, json.loads(value))
    except ValueError as error:
        raise ValueError(f"expected JSON, {error}") from error


def _texts(value: object) -> object:
    """Accept one text, or several as a JSON list."""
    if not isinstance(value, str):
        return value
    return parsed(value) if value.startswith("[") else (value,)


class SamplingConfig(BaseModel):
    """How the model is asked to write."""

    model_config = SETTINGS

    api: Api = Field(Api.CHAT, description="form of a request: chat (completions) or responses")
    temperature: float | None = Field(
        None, ge=0, description="sampling temperature (default: not sent)"
    )
    top_p: float | None = Field(
        None, gt=0, le=1, description="nucleus sampling mass (default: not sent)"
    )
    max_tokens: int | None = Field(
        None, ge=1, description="longest generation, in tokens (default: not sent)"
    )
    max_completion_tokens: int | None = Field(
        None,
        ge=1,
        description="longest generation with its reasoning, in tokens, for endpoints that want "
        "this name (default: not sent)",
    )
    seed: int | None = Field(
        None, description="sampling seed; repeat r sends seed + r (default: not sent)"
    )
    stop: Annotated[tuple[str, ...], BeforeValidator(_texts)] = Field(
        (), description="text that ends a generation, or a JSON list of texts (default: not sent)"
    )
    reasoning_effort: str | None = Field(
        None,
        min_length=1,
        description="how long the model thinks, as in low, medium, high (default: not sent)",
    )
    extra_body: Annotated[dict[str, JsonValue], BeforeValidator(parsed)] = Field(
        default_factory=dict[str, JsonValue],
        description="further fields of the request, as JSON, for what only some servers know, "
        'as in {"top_k": 20} (default: none)',
    )

    @model_validator(mode="after")
    def _is_sent_as_set(self) -> Self:
        known = sorted(_OWN_FIELDS & self.extra_body.keys())
        if known:
            raise ValueError(f"extra_body: {known[0]} is no further field; leave it out, or set it")
        if self.max_tokens is not None and self.max_completion_tokens is not None:
            raise ValueError("max_tokens: expected this or max_completion_tokens, found both")
        if self.api is Api.RESPONSES and (self.seed is not None or self.stop):
            name = "stop" if self.seed is None else "seed"
            raise ValueError(f"{name}: the responses API has no such field; use api chat")
        return self
