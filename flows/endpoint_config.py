"""The part of the configuration that says where the model is asked, how fast and at what expense.

None of it changes an answer.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from flows.form import SETTINGS
from flows.sampling_config import parsed


class Prices(BaseModel):
    """What a million tokens of one model cost, in any one currency."""

    model_config = SETTINGS

    input: float = Field(ge=0, description="price of a million input tokens")
    output: float = Field(ge=0, description="price of a million output tokens")


class EndpointConfig(BaseModel):
    """How the endpoint is reached and what it may cost."""

    model_config = SETTINGS

    base_url: str | None = Field(
        None,
        description="URL of an OpenAI-compatible endpoint, ending in /v1 "
        "(default: an embedded one that serves the models reference and flawed)",
    )
    serve_command: str | None = Field(
        None,
        min_length=1,
        description="command that serves the checkpoint, instead of a base_url, as in 'vllm serve "
        "{checkpoint} --port {port} --served-model-name {model}'; it is started and stopped",
    )
    serve_timeout_s: float = Field(
        1800, gt=0, description="seconds until a served checkpoint must answer"
    )
    checkpoint: str | None = Field(
        None,
        description="identity of the weights behind the model's name, part of the cache key "
        "(default: the base URL); with a serve command the folder or file of the checkpoint",
    )
    hash_weights: bool = Field(
        default=False,
        description="identify a served checkpoint by the content of its weights; without, by their "
        "names, sizes and times, and the content of all other files",
    )
    api_key_env: str = Field(
        "OPENAI_API_KEY",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="name of the environment variable that holds the endpoint's key",
    )
    request_timeout_s: float = Field(600, gt=0, description="seconds to wait for one generation")
    request_retries: int = Field(8, ge=0, description="further tries of a failed request")
    request_wait_s: float = Field(
        1800, ge=0, description="seconds after its first try in which a request is tried again"
    )
    request_backoff_s: float = Field(
        1, ge=0, description="seconds before the first further try, doubled each time, up to 60"
    )
    concurrency: int = Field(16, ge=1, description="requests in flight at once")
    requests_per_minute: float | None = Field(
        None, gt=0, description="most requests a minute (default: no limit)"
    )
    tokens_per_minute: float | None = Field(
        None, gt=0, description="most tokens a minute, input and output (default: no limit)"
    )
    shared_limit: str | None = Field(
        None,
        min_length=1,
        description="name of a Prefect global concurrency limit that every request takes a slot "
        "of, for evaluations that share an endpoint",
    )
    max_tokens_total: int | None = Field(
        None, ge=1, description="tokens after which no further request is sent (default: no limit)"
    )
    max_cost: float | None = Field(
        None, gt=0, description="cost after which no further request is sent, by `prices`"
    )
    prices: Annotated[Mapping[str, Prices], BeforeValidator(parsed)] = Field(
        default_factory=dict[str, Prices],
        description="price of a million tokens by model, as JSON or in the configuration file, as "
        'in {"my-model": {"input": 0.5, "output": 2}}',
    )
