"""prompt -> generation: the fields of a request that say how the model is to write.

Only what is set is sent, under the names of the API that is asked.
"""

from dataclasses import replace

from tasks.core.json_value import JsonValue
from tasks.core.model_settings import Api, ModelSettings


def request_fields(settings: ModelSettings) -> dict[str, JsonValue]:
    """Return the fields of a request besides the model and the prompt."""
    sent = _responses_fields(settings) if settings.api is Api.RESPONSES else _chat_fields(settings)
    return {name: value for name, value in sent.items() if value is not None} | settings.extra_body


def shortened(settings: ModelSettings, output_tokens: int) -> ModelSettings:
    """Ask for at most so many tokens, by the setting that limits them already; 0 for no limit."""
    if output_tokens == 0:
        return replace(settings, max_tokens=None, max_completion_tokens=None)
    if settings.max_completion_tokens is not None:
        return replace(settings, max_completion_tokens=output_tokens)
    return replace(settings, max_tokens=output_tokens)


def output_limit(settings: ModelSettings) -> int | None:
    """Return how many tokens a generation may have; None where the endpoint decides."""
    limit = settings.max_completion_tokens
    return settings.max_tokens if limit is None else limit


def _chat_fields(settings: ModelSettings) -> dict[str, JsonValue]:
    return {
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "max_tokens": settings.max_tokens,
        "max_completion_tokens": settings.max_completion_tokens,
        "seed": settings.seed,
        "stop": list(settings.stop) or None,
        "reasoning_effort": settings.reasoning_effort,
    }


def _responses_fields(settings: ModelSettings) -> dict[str, JsonValue]:
    effort = settings.reasoning_effort
    return {
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "max_output_tokens": output_limit(settings),
        "reasoning": None if effort is None else {"effort": effort},
    }
