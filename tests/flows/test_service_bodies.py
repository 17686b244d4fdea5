"""Bodies of requests are bounded one by one, all together, and in time."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from flows.config import validate
from flows.service import VerifierService
from flows.service_app import create_app
from flows.service_bodies import BodyLimits
from flows.service_config import ServiceConfig
from tasks.endpoint.server import EmbeddedServer


@contextmanager
def listening(limits: BodyLimits) -> Iterator[str]:
    """Serve, and never start: a body that is taken is answered with 503."""
    service = VerifierService(validate(ServiceConfig, {}))
    with EmbeddedServer(create_app(service, None, limits)) as server:
        yield server.base_url.removesuffix("/v1")


def post(url: str, body: bytes) -> httpx.Response:
    return httpx.post(f"{url}/verify", content=body, trust_env=False, timeout=60)


def unfinished(url: str, sent: bytes) -> socket.socket:
    """Send a part of a body."""
    host, port = url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)))
    connection.sendall(b"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n" + sent)
    return connection


def test_bodies_in_use_are_bounded_together() -> None:
    with listening(BodyLimits(one_bytes=1000, all_bytes=1500)) as url:
        with unfinished(url, b"x" * 800):
            assert post(url, b"x" * 700).status_code == 503
            refused = post(url, b"x" * 701)
            assert refused.status_code == 429
            assert int(refused.headers["retry-after"]) >= 1
            assert "exceed 1500 bytes" in refused.json()["detail"]
            assert post(url, b"x" * 1001).status_code == 413
        # Whoever hangs up frees what was read.
        while post(url, b"x" * 1000).status_code == 429:
            pass


@pytest.mark.parametrize("sent", [b"", b"{"])
def test_a_body_that_does_not_end_is_given_up(sent: bytes) -> None:
    with listening(BodyLimits(arrival_s=0.2)) as url, unfinished(url, sent) as connection:
        connection.settimeout(60)
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
