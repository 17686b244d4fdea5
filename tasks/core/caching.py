"""prompt -> generation: the name under which a generation is kept.

The key covers everything that changes the answer and nothing else: no client, credential, address
or run enters it, so that a generation is found again from another process, machine or URL.
"""

import hashlib
import json

from tasks.core.json_value import JsonValue
from tasks.core.model_settings import Api, ModelSettings
from tasks.core.records import StepKey

CACHE_VERSION = 1
"""Raised when kept generations must not be used again: the request or its reading changed."""


def prompt_sha256(prompt: str) -> str:
    """Name a prompt by its content, as `generations.jsonl` does."""
    # A chain may carry a lone surrogate that a model wrote; it still has to have a name.
    return hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()


def set_settings(settings: ModelSettings) -> dict[str, JsonValue]:
    """List the settings that are set, with one spelling of each number.

    A setting that is not sent is left out: a setting that a later version adds does not change the
    keys of the runs that do not use it.
    """
    temperature, top_p = settings.temperature, settings.top_p
    values: dict[str, JsonValue] = {
        "model": settings.model,
        "checkpoint": settings.checkpoint,
        "temperature": None if temperature is None else float(temperature),
        "top_p": None if top_p is None else float(top_p),
        "max_tokens": settings.max_tokens,
        "max_completion_tokens": settings.max_completion_tokens,
        "seed": settings.seed,
        "stop": list(settings.stop) or None,
        "reasoning_effort": settings.reasoning_effort,
        "extra_body": settings.extra_body or None,
        "api": None if settings.api is Api.CHAT else settings.api.value,
    }
    return {name: value for name, value in values.items() if value is not None}


def generation_key(prompt: str, settings: ModelSettings, key: StepKey) -> str:
    """Name one generation: the sha256, in hex, of everything that changes it."""
    parts = {
        "cache_version": CACHE_VERSION,
        "prompt_sha256": prompt_sha256(prompt),
        "settings": set_settings(settings),
        "problem_id": key.problem_id,
        "repeat": key.repeat,
        "step_id": key.step_id,
    }
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
