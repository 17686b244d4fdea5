"""Checks of who would answer: the endpoint that is asked, or the embedded one."""

from collections.abc import Sequence
from pathlib import Path

from flows.config import EvalConfig
from flows.dataset import Dataset, locate
from flows.doctor.benchmarks import chosen_problems
from flows.doctor.findings import Finding, Status
from flows.embedded import embedded_books
from flows.inputs import check_endpoint
from tasks.checkpoint_files import identify_checkpoint
from tasks.core.listing import name_first
from tasks.model_list import Answered, ModelList, ask_models

_NAME = "endpoint"
_TIMEOUT_S = 3.0
_LISTED = 8
_V1 = "/v1"
_NO_API = (Answered.ABSENT, Answered.WEB_PAGE, Answered.OTHER)


def endpoint(config: EvalConfig, api_key: str) -> Finding:
    """Check that a model would answer."""
    if config.serve_command is not None:
        return _served(config)
    if config.base_url is None:
        return _embedded(config)
    base_url = config.base_url.rstrip("/")
    answer = ask_models(base_url, api_key, _TIMEOUT_S)
    if answer.answered in _NO_API and _is_api(base_url + _V1, api_key):
        found = f"{base_url} is not the API: it is at {base_url}{_V1}"
        return Finding(_NAME, Status.FAIL, found, f"give --base-url {base_url}{_V1}")
    if answer.answered is Answered.LIST:
        return _listed(base_url, answer.models, config.model)
    return _without_list(base_url, answer, config.api_key_env, has_key=bool(api_key.strip()))


def _is_api(url: str, api_key: str) -> bool:
    answer = ask_models(url, api_key, _TIMEOUT_S)
    return answer.answered in (Answered.LIST, Answered.REFUSAL)


def _listed(base_url: str, models: Sequence[str], model: str | None) -> Finding:
    served = name_first(models, _LISTED) or "no model"
    if model is None:
        found = f"{base_url} serves {served}; none is chosen"
        return Finding(_NAME, Status.FAIL, found, "choose one with --model")
    if model not in models:
        found = f"{base_url} serves {served}, and does not list {model!r}"
        return Finding(_NAME, Status.FAIL, found, "give --model one of the names that it lists")
    beside = f", and {len(models) - 1} more" if len(models) > 1 else ""
    return Finding(_NAME, Status.OK, f"{base_url} serves {model}{beside}")


def _without_list(base_url: str, answer: ModelList, variable: str, *, has_key: bool) -> Finding:
    found = f"{base_url}: {answer.said}"
    if answer.answered is Answered.REFUSAL:
        sent = f"the key in {variable}" if has_key else f"no key: {variable} is not set"
        advice = f"put a key of this endpoint into {variable}, or name another with --api-key-env"
        return Finding(_NAME, Status.FAIL, f"{base_url} refused {sent} ({answer.said})", advice)
    if answer.answered is Answered.ABSENT:
        advice = "it may still generate; if not, check the path in --base-url"
        return Finding(_NAME, Status.NOTE, f"{base_url} does not list its models", advice)
    if answer.answered is Answered.WEB_PAGE:
        found = f"{base_url} answers with a web page, not with an API"
        advice = "check --base-url: most APIs end with /v1, and a proxy may stand between"
        return Finding(_NAME, Status.FAIL, found, advice)
    advice = {
        Answered.NOT_AT_ALL: "start it, check host and port in --base-url, and the proxy settings",
        Answered.BUSY: "wait until it has loaded its model, and see its log",
    }.get(answer.answered, "check --base-url: expected the root of an OpenAI-compatible API")
    return Finding(_NAME, Status.FAIL, found, advice)


def _served(config: EvalConfig) -> Finding:
    """Check the command and the checkpoint, without starting anything."""
    check_endpoint(config)
    checkpoint = Path(config.checkpoint or "")
    identity = identify_checkpoint(checkpoint, hash_weights=False)
    found = f"serves {checkpoint} ({identity[:18]}…) when an evaluation starts"
    return Finding(_NAME, Status.OK, found)


def _embedded(config: EvalConfig) -> Finding:
    """Check that the embedded endpoint knows the answers."""
    problems = chosen_problems(config)
    dataset = Dataset(
        name=config.dataset,
        problems=problems,
        sha256=(),
        targets=locate(config).targets,
        targets_sha256="",
        scored=frozenset(),
        plans={},
        benchmark=None,
    )
    embedded_books(dataset, config.model_name)
    return Finding(_NAME, Status.OK, f"embedded, serves {config.model_name}")
