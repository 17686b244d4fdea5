"""The check of the endpoint, against servers that answer rightly, wrongly and not at all."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows.config import DoctorConfig, validate
from flows.doctor.findings import Finding, Status
from flows.doctor.model import endpoint
from tasks.core.errors import ConfigError
from tasks.core.records import Problem
from tasks.endpoint.answers import StepBook
from tasks.endpoint.server import EmbeddedServer, create_app

if TYPE_CHECKING:
    from tests.conftest import FileServer

KEY = "sk-0a1b2c3d4e5f6071"
MODELS = json.dumps({"object": "list", "data": [{"id": "one"}, {"id": "two"}]}).encode()


@pytest.fixture
def served(file_server: FileServer) -> FileServer:
    file_server.files["/v1/models"] = MODELS
    file_server.content_type = "application/json"
    return file_server


def look(base_url: str | None, model: str | None = "one", **more: object) -> Finding:
    return endpoint(validate(DoctorConfig, {"base_url": base_url, "model": model, **more}), KEY)


def test_a_model_that_is_served_is_right(served: FileServer) -> None:
    finding = look(f"{served.url}/v1")
    assert (finding.status, finding.advice) == (Status.OK, "")
    assert finding.found == f"{served.url}/v1 serves one, and 1 more"


def test_a_model_that_is_not_served_is_a_failure_that_names_the_others(served: FileServer) -> None:
    finding = look(f"{served.url}/v1/", "three")
    assert finding.status is Status.FAIL
    assert finding.found == f"{served.url}/v1 serves one, two, and does not list 'three'"


def test_without_a_name_the_served_models_are_told(served: FileServer) -> None:
    finding = look(f"{served.url}/v1", None)
    assert finding.status is Status.FAIL
    assert finding.found == f"{served.url}/v1 serves one, two; none is chosen"


def test_a_forgotten_v1_is_noticed(served: FileServer) -> None:
    finding = look(served.url)
    assert finding.status is Status.FAIL
    assert finding.advice == f"give --base-url {served.url}/v1"


def test_a_forgotten_v1_is_noticed_behind_a_web_page_and_a_refusal(served: FileServer) -> None:
    """The root shows a page, and /v1 wants another key."""
    served.files["/models"] = b"<html>"
    served.statuses["/v1/models"] = [401]
    served.content_type = "text/html"
    assert look(served.url).advice == f"give --base-url {served.url}/v1"


def test_the_embedded_endpoint_of_another_process_lists_its_models(
    small_problems: tuple[Problem, ...],
) -> None:
    with EmbeddedServer(create_app({"gold": StepBook(small_problems, {})})) as server:
        assert look(server.base_url, "gold").found == f"{server.base_url} serves gold"


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_told_by_its_variable_and_never_printed(
    served: FileServer, status: int
) -> None:
    served.statuses["/v1/models"] = [status]
    finding = look(f"{served.url}/v1", api_key_env="MY_KEY")
    assert finding.status is Status.FAIL
    assert finding.found == f"{served.url}/v1 refused the key in MY_KEY (HTTP {status})"
    assert "MY_KEY" in finding.advice


def test_a_refusal_without_a_key_says_that_none_was_sent(served: FileServer) -> None:
    served.statuses["/v1/models"] = [401]
    config = validate(DoctorConfig, {"base_url": f"{served.url}/v1", "model": "one"})
    assert "refused no key: OPENAI_API_KEY is not set" in endpoint(config, "").found


def test_a_key_that_the_endpoint_repeats_is_blotted_out(served: FileServer) -> None:
    served.files["/v1/models"] = f'{{"error": "bad key {KEY}"}}'.encode()
    finding = look(f"{served.url}/v1")
    assert finding.status is Status.FAIL
    assert 'HTTP 200 {"error": "bad key ***"}' in finding.found
    assert KEY not in str(finding)


def test_a_web_page_is_no_endpoint(served: FileServer) -> None:
    served.content_type = "text/html; charset=utf-8"
    finding = look(f"{served.url}/v1")
    assert finding.status is Status.FAIL
    assert "answers with a web page" in finding.found


def test_an_endpoint_that_does_not_list_models_may_still_generate(served: FileServer) -> None:
    served.files.clear()
    assert look(f"{served.url}/v1").status is Status.NOTE


def test_a_busy_endpoint_cannot_be_used_now(served: FileServer) -> None:
    served.statuses["/v1/models"] = [503]
    finding = look(f"{served.url}/v1")
    assert (finding.status, finding.found) == (Status.FAIL, f"{served.url}/v1: HTTP 503")


@pytest.mark.parametrize("text", [b"[]", b'{"data": 3}', b"\xff", b"[" * 100_000, b""])
def test_an_answer_that_is_no_list_is_a_failure(served: FileServer, text: bytes) -> None:
    served.files["/v1/models"] = text
    finding = look(f"{served.url}/v1")
    assert finding.status is Status.FAIL
    assert len(finding.found) < 300


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Yield a port that is taken and does not listen."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_an_endpoint_that_is_not_there_is_a_failure(closed_port: int) -> None:
    finding = look(f"http://127.0.0.1:{closed_port}/v1")
    assert finding.status is Status.FAIL
    assert "Connection refused" in finding.found
    assert finding.advice.startswith("start it")


@pytest.mark.parametrize("url", ["nonsense", "ftp://host/v1", "http://anna:secret@host/v1"])
def test_an_address_that_cannot_be_one_is_told_without_itself(url: str) -> None:
    with pytest.raises(ConfigError, match="base URL of the endpoint") as raised:
        look(url)
    assert "secret" not in str(raised.value)


def test_the_embedded_endpoint_knows_the_answers_of_the_example() -> None:
    assert look(None, None).found == "embedded, serves reference"


def test_the_embedded_endpoint_lacks_answers_without_gold_code(small: Path) -> None:
    small.write_text(small.read_text().replace("ground_truth_code", "other", 1))
    with pytest.raises(ConfigError, match=r"sub-step 1\.1 has none"):
        look(None, None, dataset=str(small))
