"""Asks an OpenAI-compatible endpoint which models it serves, without generating anything.

What comes back is data, also where it is no list: the checks before an evaluation tell people what
it means. No text that leaves here holds the key.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import cast

import httpx

from tasks.addresses import check_key, check_url, hide_key, is_loopback
from tasks.http_client import make_client

_MOST_TEXT = 160
_REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class Answered(StrEnum):
    """How an endpoint answered."""

    LIST = "list"
    REFUSAL = "refusal"  # of the key
    ABSENT = "absent"  # no such path there
    WEB_PAGE = "web page"
    BUSY = "busy"  # now, perhaps not later
    OTHER = "other"
    NOT_AT_ALL = "not at all"


@dataclass(frozen=True, slots=True)
class ModelList:
    """The answer, the models in it, and what else the endpoint or the connection said."""

    answered: Answered
    models: tuple[str, ...] = ()
    said: str = ""


def ask_models(base_url: str, api_key: str, timeout_s: float) -> ModelList:
    """Ask for the list of models.

    Raises:
        ConfigError: the address, the key or the environment's proxy cannot be used.
    """
    url, key = check_url(base_url), check_key(api_key)
    # A generation without a key sends this too.
    headers = {"Authorization": f"Bearer {key or 'none'}"}
    try:
        with make_client(timeout_s, proxies=not is_loopback(url)) as client:
            response = client.get(f"{base_url.rstrip('/')}/models", headers=headers)
    except httpx.TimeoutException:
        return ModelList(Answered.NOT_AT_ALL, said=f"nothing came within {timeout_s:g} s")
    except httpx.HTTPError as error:
        return ModelList(Answered.NOT_AT_ALL, said=_excerpt(str(error), key))
    answered, models = _read(response)
    said = f"HTTP {response.status_code} {_excerpt(response.text, key)}".strip()
    return ModelList(answered, models, "" if answered is Answered.LIST else said)


def _read(response: httpx.Response) -> tuple[Answered, tuple[str, ...]]:
    status = response.status_code
    if status in _REFUSALS:
        return Answered.REFUSAL, ()
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Answered.BUSY, ()
    if response.headers.get("content-type", "").startswith("text/html"):
        return Answered.WEB_PAGE, ()
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        return Answered.ABSENT, ()
    models = _ids(response.text)
    if status != HTTPStatus.OK or models is None:
        return Answered.OTHER, ()
    return Answered.LIST, models


def _ids(text: str) -> tuple[str, ...] | None:
    """Read `{"data": [{"id": …}, …]}`; None for anything else."""
    try:
        document = cast(object, json.loads(text))
    except (ValueError, RecursionError):
        return None
    rows = cast(Mapping[str, object], document).get("data") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        return None
    ids = [
        cast(Mapping[str, object], row).get("id") if isinstance(row, dict) else None
        for row in cast(list[object], rows)
    ]
    return tuple(name for name in ids if isinstance(name, str))


def _excerpt(text: str, key: str) -> str:
    line = "".join(c for c in " ".join(hide_key(text, key).split()) if c.isprintable())
    return line if len(line) <= _MOST_TEXT else f"{line[:_MOST_TEXT]}…"
