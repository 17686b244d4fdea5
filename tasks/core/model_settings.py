"""What a generation is asked from: the model with its sampling settings, and the endpoint."""

from dataclasses import dataclass, field
from enum import StrEnum

from tasks.core.json_value import JsonValue


class Api(StrEnum):
    """Which of the two forms a request has."""

    CHAT = "chat"
    RESPONSES = "responses"


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Everything about the model that changes its answer; a setting left None or empty is not sent.

    `model` is the name of the model, `checkpoint` the identity of the weights behind it: a
    checkpoint served again under the same name is another model. `extra_body` holds fields of the
    request that only some servers know.
    """

    model: str
    checkpoint: str
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    reasoning_effort: str | None = None
    extra_body: dict[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    api: Api = Api.CHAT


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Where the model is reached; none of it changes an answer.

    `timeout_s` is the longest wait for one answer, `served_as` the model's name at the endpoint,
    where it is another.
    """

    base_url: str
    timeout_s: float = 600
    served_as: str | None = None
