"""Check of the Prefect server that a run would report to."""

import base64
from http import HTTPStatus
from importlib.metadata import version
from urllib.parse import urlsplit

import httpx

from flows.doctor.findings import Finding, Status
from tasks.addresses import is_loopback
from tasks.http_client import make_client

_NAME = "prefect"
_TIMEOUT_S = 3.0


def prefect_server() -> Finding:
    """Check that the configured server answers and is of our version; without one, say so."""
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_KEY, PREFECT_API_URL

    url = PREFECT_API_URL.value()
    if not url:
        return Finding(_NAME, Status.OK, "a server of its own for each run (none is configured)")
    key, login = PREFECT_API_KEY.value(), PREFECT_API_AUTH_STRING.value()
    headers: dict[str, str] = {}
    if key:
        headers["Authorization"] = f"Bearer {key.get_secret_value()}"
    elif login:
        encoded = base64.b64encode(login.get_secret_value().encode()).decode()
        headers["Authorization"] = f"Basic {encoded}"
    return ask_server(url, headers)


def ask_server(url: str, headers: dict[str, str]) -> Finding:
    """Ask a server for its version.

    Raises:
        ConfigError: the environment's proxy cannot be used.
    """
    place = f"{urlsplit(url).scheme}://{urlsplit(url).netloc.rpartition('@')[2]}"
    try:
        with make_client(_TIMEOUT_S, proxies=not is_loopback(urlsplit(url))) as client:
            response = client.get(f"{url.rstrip('/')}/admin/version", headers=headers)
    except httpx.HTTPError as error:
        found = f"the configured server {place} does not answer ({error or type(error).__name__})"
        advice = "start it with `prefect server start`, or unset PREFECT_API_URL (also in profiles)"
        return Finding(_NAME, Status.FAIL, found, advice)
    if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        advice = "set PREFECT_API_KEY, or PREFECT_API_AUTH_STRING, to what it accepts"
        return Finding(_NAME, Status.FAIL, f"{place} refused the login", advice)
    return _judge_version(place, response)


def _judge_version(place: str, response: httpx.Response) -> Finding:
    ours, theirs = version("prefect"), response.text.strip().strip('"')
    if response.status_code != HTTPStatus.OK or not theirs[:1].isdigit():
        found = f"{place} answers HTTP {response.status_code} and does not tell its version"
        advice = "check that PREFECT_API_URL ends with /api; Prefect Cloud has no version"
        return Finding(_NAME, Status.NOTE, found, advice)
    found = f"{place}, version {theirs}"
    if theirs.split(".")[0] != ours.split(".")[0]:
        advice = f"use a server of the version installed here, {ours}"
        return Finding(_NAME, Status.FAIL, found, advice)
    return Finding(_NAME, Status.OK, found)
