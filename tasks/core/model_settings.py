"""What a generation is asked from: the model with its sampling settings, and the endpoint."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Everything about the model that changes its answer; a setting left None is not sent.

    `model` is the name that the endpoint knows, `checkpoint` the identity of the weights behind
    it: a checkpoint served again under the same name is another model.
    """

    model: str
    checkpoint: str
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Where the model is reached and how patiently; none of it changes an answer.

    `timeout_s` is the longest wait for one answer, `max_retries` how often a request is sent
    again after the endpoint was busy, failed or could not be reached.
    """

    base_url: str
    timeout_s: float = 600
    max_retries: int = 4
