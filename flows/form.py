"""Settings -> the form that Prefect's pages show for them: titles, order, one input a field.

The order follows what a person decides first. A field that may be absent becomes a plain input that
may stay empty: Prefect would offer a choice between the value and "none" for each.
"""

from typing import Any, cast

from pydantic import ConfigDict
from pydantic.fields import ComputedFieldInfo, FieldInfo

_ORDER = (
    # What a night finds, and what it makes of it.
    *("checkpoints", "checkpoint_list", "model_template", "order", "settle_s", "per_night"),
    *("tries", "runs_root", "significance", "least_drop", "artifact_key"),
    # The model and where it is asked.
    *("model", "base_url", "api_key_env", "checkpoint", "serve_command", "serve_timeout_s"),
    "hash_weights",
    # What is evaluated.
    *("programs", "dataset", "problems", "repeats", "background", "prompt", "given", "scored"),
    *("data_dir", "targets", "upstream"),
    # How the model writes.
    *("temperature", "top_p", "max_tokens", "max_completion_tokens", "reasoning_effort", "seed"),
    *("stop", "api", "extra_body", "extraction"),
    # How fast, and at what expense.
    *("concurrency", "live_problems", "requests_per_minute", "tokens_per_minute", "shared_limit"),
    *("request_timeout_s", "request_retries", "request_wait_s", "request_backoff_s"),
    *("max_tokens_total", "max_cost", "prices"),
    # How programs are verified.
    *("environments", "isolation", "workers", "time_limit_s", "wall_limit_s", "step_time_limits"),
    *("memory_bytes", "unimportable", "confirm", "confirm_which", "confirm_rule"),
    *("verdict_cache", "reveal_targets", "execution", "execution_address"),
    # Where it is kept.
    *("output", "cache_dir"),
)
_TITLES = {
    "artifact_key": "Key of the trend artifact",
    "checkpoint_list": "List of checkpoints",
    "checkpoints": "Checkpoints (glob)",
    "api_key_env": "API key variable",
    "confirm": "Confirming tries",
    "environments": "Python environments",
    "execution": "Where programs are verified",
    "execution_address": "Address of the cluster",
    "extra_body": "Further request fields",
    "given": "Given code",
    "hash_weights": "Hash the weights",
    "max_tokens_total": "Most tokens in all",
    "max_cost": "Most cost",
    "output": "Run directory",
    "per_night": "Checkpoints per night",
    "runs_root": "Folder of run directories",
    "settle_s": "Settled for (seconds)",
    "tries": "Tries per checkpoint",
    "scored": "Scored sub-steps",
    "stop": "Stop texts",
    "unimportable": "Problems that cannot be imported",
    "upstream": "Folder of official files",
    "verdict_cache": "Use known verdicts",
    "workers": "Programs at once",
}
# Where the form takes another notation than the command line, or would take `<` for a tag.
_HELP = {
    "checkpoint_list": "checkpoints instead of a glob: paths for the serve_command, NAME=IDENTITY "
    "for models at base_url, names of the embedded endpoint's models",
    "environments": "Python environments that programs run in: current, a name in "
    "deployments/environments or a lock file; with several, a program passes that passes in one "
    "of them",
    "output": "run directory; an existing one of the same settings is completed (default: a new "
    "one in the folder runs, named for time, model and flow run)",
    "prices": 'price of a million tokens by model, as in {"my-model": {"input": 0.5, "output": 2}}',
    "problems": "ids of the problems to evaluate (default: all)",
    "step_time_limits": "processor seconds for some sub-steps instead, as in "
    '{"12.14": 3600, "60.5": 7200}',
    "stop": "texts that end a generation (default: not sent)",
}
_WORDS = {"api": "API", "url": "URL", "dir": "folder"}
_UNITS = {"s": "seconds", "bytes": "bytes"}
_PROCESSOR_TIME = {"time_limit_s": "processor seconds", "step_time_limits": "processor seconds"}


def title(name: str, field: FieldInfo | ComputedFieldInfo | None = None) -> str:
    """Return what stands above a setting's input: words, then its unit."""
    del field
    if name in _TITLES:
        return _TITLES[name]
    *words, last = name.split("_")
    unit = _PROCESSOR_TIME.get(name) or (_UNITS.get(last) if words else None)
    if last not in _UNITS or not words:
        words.append(last)
    text = " ".join(_WORDS.get(word, word) for word in words)
    text = text[0].upper() + text[1:]
    return f"{text} ({unit})" if unit else text


def arrange(schema: dict[str, Any]) -> None:
    """Put the fields of a settings model's JSON schema in order, and make each one plain input."""
    properties: dict[str, dict[str, Any]] = schema.get("properties", {})
    place = {name: number for number, name in enumerate(_ORDER)}
    ordered = sorted(properties, key=lambda name: place.get(name, len(place)))
    schema["properties"] = {name: _input(name, properties[name]) for name in ordered}


def _input(name: str, field: dict[str, Any]) -> dict[str, Any]:
    # Pydantic leaves the title of an enumeration to the enumeration where they are alike.
    text = {"description": _HELP[name]} if name in _HELP else {}
    return {"title": title(name), **_plain(field), **text}


def _plain(field: dict[str, Any]) -> dict[str, Any]:
    """Make a field that may be null one that may be left out; Prefect takes null for it then."""
    choices = cast("list[dict[str, Any]]", field.get("anyOf", []))
    values = [choice for choice in choices if choice != {"type": "null"}]
    if len(values) != 1 or len(values) == len(choices):
        return field
    rest = {k: v for k, v in field.items() if k not in ("anyOf", "default")}
    return {**values[0], **rest}


# Of every settings model that can stand in a form.
SETTINGS = ConfigDict(
    frozen=True,
    extra="forbid",
    allow_inf_nan=False,
    field_title_generator=title,
    json_schema_extra=arrange,
)
