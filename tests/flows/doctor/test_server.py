"""The check of the Prefect server, against a real one and against others."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from flows.doctor.findings import Status
from flows.doctor.server import ask_server, prefect_server

if TYPE_CHECKING:
    from tests.conftest import FileServer


def test_a_configured_server_is_named_with_its_version(prefect_api: str) -> None:
    finding = prefect_server()
    assert finding.status is Status.OK
    place = prefect_api.removesuffix("/api")
    assert finding.found == f"{place}, version {version('prefect')}"


def test_without_a_server_the_run_starts_its_own() -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: None}):
        assert prefect_server().found.startswith("a server of its own for each run")


def test_a_server_of_another_major_version_is_a_failure(file_server: FileServer) -> None:
    file_server.files["/api/admin/version"] = b'"2.20.1"'
    finding = ask_server(f"{file_server.url}/api", {})
    assert finding.status is Status.FAIL
    assert finding.found == f"{file_server.url}, version 2.20.1"
    assert version("prefect") in finding.advice


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_login_is_a_failure(file_server: FileServer, status: int) -> None:
    file_server.statuses["/api/admin/version"] = [status]
    finding = ask_server(f"{file_server.url}/api", {"Authorization": "Bearer secret"})
    assert finding.status is Status.FAIL
    assert "secret" not in str(finding)


def test_a_server_without_a_version_is_noted(file_server: FileServer) -> None:
    finding = ask_server(file_server.url, {})
    assert finding.status is Status.NOTE
    assert "HTTP 404" in finding.found


def test_a_server_that_is_not_there_is_a_failure_without_its_password() -> None:
    """Port 1 of loopback is nobody's."""
    finding = ask_server("http://anna:secret@127.0.0.1:1/api", {})
    assert finding.status is Status.FAIL
    assert finding.found.startswith("the configured server http://127.0.0.1:1 does not answer")
    assert "secret" not in str(finding)
