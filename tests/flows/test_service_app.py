"""Who may ask the verifier service, how much at once, and what happens to one who hangs up."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.flows.conftest import ServedVerifier

Serve = Callable[..., "ServedVerifier"]

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

TOKEN = "0f9e8d7c6b5a4938"  # noqa: S105 - invented
DOUBLE = "def double(x):\n    return 2 * x\n"
SLEEP = "import time\ntime.sleep(600)\n"
MIB = 2**20


@pytest.fixture(scope="module")
def guarded(serve: Serve, shared_small: Path) -> ServedVerifier:
    """Serve the small benchmark to those with the token, one sub-step at once."""
    options = ("--token-env", "VERIFIER_TOKEN", "--queue", 1, "--workers", 1, "--time-limit-s", 900)
    environment = {"VERIFIER_TOKEN": TOKEN}
    service = serve("--dataset", shared_small, *options, environment=environment)
    service.http.headers["Authorization"] = f"Bearer {TOKEN}"
    return service


@pytest.mark.parametrize(
    "header", [None, "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x"]
)
def test_only_the_token_opens_the_service(guarded: ServedVerifier, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    with httpx.Client(base_url=guarded.url, headers=headers, trust_env=False) as stranger:
        refused = stranger.post("/verify", json={"problem_id": "1", "solutions": {"1.1": DOUBLE}})
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert "expected the service's token" in refused.json()["detail"]
        assert stranger.get("/metrics").status_code == 401
        assert stranger.get("/healthz").status_code == 200
    assert guarded.post("1", {"1.1": DOUBLE}).json()["reward"] == 1.0
    assert TOKEN not in guarded.output


@pytest.fixture
def busy(guarded: ServedVerifier) -> Iterator[ServedVerifier]:
    """Fill the only place with a program that sleeps, and free it again."""
    before = guarded.descendants()
    with hang_up_later(guarded):
        guarded.wait_for_a_child(before)
        yield guarded
    assert_idle(guarded)


def hang_up_later(service: ServedVerifier) -> socket.socket:
    """Ask for the verdict on a program that sleeps; closing the socket is hanging up."""
    body = json.dumps({"problem_id": "1", "solutions": {"1.1": SLEEP}})
    connection = connect(service)
    connection.sendall(head(len(body)) + body.encode())
    return connection


def connect(service: ServedVerifier) -> socket.socket:
    host, port = service.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)))


def head(length: int) -> bytes:
    fields = f"Host: x\r\nContent-Length: {length}\r\nAuthorization: Bearer {TOKEN}"
    return f"POST /verify HTTP/1.1\r\n{fields}\r\n\r\n".encode()


def assert_idle(service: ServedVerifier) -> None:
    deadline = time.monotonic() + 60
    while service.gauge("scicode_verifier_running_steps"):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_full_queue_refuses_until_there_is_room(busy: ServedVerifier) -> None:
    refused = busy.post("1", {"1.1": DOUBLE})
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert "1 of at most 1 wait or run already" in refused.json()["detail"]
    # What needs no run needs no room.
    assert busy.post("1", {"1.1": ""}).status_code == 200
    assert busy.http.get("/healthz").status_code == 200
    assert busy.gauge("scicode_verifier_running_steps") == 1
    assert busy.gauge("scicode_verifier_queued_steps") == 0


def test_more_than_the_queue_holds_is_no_matter_of_waiting(guarded: ServedVerifier) -> None:
    refused = guarded.post("1", {"1.1": DOUBLE, "1.2": DOUBLE})
    assert refused.status_code == 422
    assert "2 sub-steps to run never fit into a queue of 1" in refused.json()["detail"]


@linux
def test_a_caller_who_hangs_up_takes_the_children_along(guarded: ServedVerifier) -> None:
    before = guarded.descendants()
    connection = hang_up_later(guarded)
    children = guarded.wait_for_a_child(before)
    assert guarded.gauge("scicode_verifier_running_steps") == 1

    connection.close()

    assert_idle(guarded)
    assert guarded.survivors(children) == set()
    assert guarded.gauge('scicode_verifier_requests_total{status="499"}') >= 1
    assert guarded.post("1", {"1.1": DOUBLE}).json()["reward"] == 1.0


def test_a_caller_who_hangs_up_in_the_middle_of_a_body_is_forgotten(
    guarded: ServedVerifier,
) -> None:
    with connect(guarded) as connection:
        connection.sendall(head(99) + b"{")
    assert guarded.post("1", {"1.1": DOUBLE}).json()["reward"] == 1.0
    assert guarded.output.count("Traceback") == 0


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"{", "what is not JSON"),
        (b"\xff", "what is not JSON"),
        (b"[]", "a JSON list"),
        (b'{"a":' * 50_000, "one nested too deeply"),
        (b'{"problem_id": "1", "solutions": {"1.1": NaN}}', "NaN is no JSON number"),
        (b'{"problem_id": 1}', 'a string "problem_id", found a int'),
    ],
    ids=lambda part: repr(part[:40]),
)
def test_a_body_that_is_no_request_is_refused(
    small_service: ServedVerifier, body: bytes, found: str
) -> None:
    refused = small_service.http.post("/verify", content=body)
    assert refused.status_code == 422
    assert found in refused.json()["detail"]


def test_a_body_may_have_64_mib_and_no_more(small_service: ServedVerifier) -> None:
    start = b'{"problem_id": "1", "solutions": {"1.1": "def double(x): return 2 * x"}, "uuid": "'
    most = start + b"u" * (64 * MIB - len(start) - 2) + b'"}'
    taken = small_service.http.post("/verify", content=most)
    assert taken.json()["reward"] == 1.0

    refused = small_service.http.post("/verify", content=most + b" ")
    assert refused.status_code == 413
    assert f"at most {64 * MIB} bytes, found {64 * MIB + 1} bytes" in refused.json()["detail"]

    # Without a length in advance it shows while reading.
    refused = small_service.http.post("/verify", content=(most[:MIB] for _ in range(70)))
    assert refused.status_code == 413
    assert "found more" in refused.json()["detail"]
    assert small_service.post("1", {"1.1": DOUBLE}).json()["reward"] == 1.0
