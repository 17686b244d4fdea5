"""Asks a model server that is being started whether it answers yet.

A list of models alone does not say so: llama.cpp's server lists its model while it loads it. So
`/health` is asked too, and must not say that the server is busy; servers without it are believed.
"""

from dataclasses import dataclass
from http import HTTPStatus

import httpx

from tasks.http_client import make_client
from tasks.model_list import Answered, ask_models

_LOADING = (Answered.BUSY, Answered.NOT_AT_ALL)
# A refused key is an answer too: the evaluation has the key.
_READY = (Answered.LIST, Answered.REFUSAL)


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a server answers, the models that it lists, and what it said where it does not."""

    ready: bool
    models: tuple[str, ...] = ()
    said: str = ""


def ask_health(root_url: str, timeout_s: float) -> Health:
    """Ask a server on this machine once; `root_url` is without `/v1`.

    Raises:
        ConfigError: the environment's proxy cannot be used.
    """
    listed = ask_models(f"{root_url}/v1", "", timeout_s)
    if listed.answered in _LOADING:
        return Health(ready=False, said=f"/v1/models: {listed.said}")
    status, said = _ask_status(f"{root_url}/health", timeout_s)
    if listed.answered in _READY:
        is_busy = status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return Health(not is_busy, () if is_busy else listed.models, said if is_busy else "")
    if status == HTTPStatus.OK:
        return Health(ready=True)
    return Health(ready=False, said=f"/v1/models: {listed.said}; {said}")


def _ask_status(url: str, timeout_s: float) -> tuple[int | None, str]:
    try:
        with make_client(timeout_s, proxies=False) as client:
            status = client.get(url).status_code
    except httpx.HTTPError as error:
        return None, f"/health: {error}"
    return status, f"/health: HTTP {status}"
