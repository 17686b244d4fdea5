"""What SQLite was too busy for is repeated inside the server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, temporary_settings
from sqlalchemy import text
from starlette.types import ASGIApp

from flows.busy_database import PatientApp, patient

Handler = Callable[[Request], Awaitable[Response]]


class BusyError(Exception):
    """Stands for SQLite's refusal, which Prefect answers with 503."""


def application(handler: Handler, path: str = "/runs") -> FastAPI:
    """Make an application that answers `BusyError` as Prefect does, beside raising it."""
    app = FastAPI()

    async def unavailable(_: Request, error: Exception) -> Response:
        return Response("busy", 503 if isinstance(error, BusyError) else 500)

    app.add_exception_handler(Exception, unavailable)
    app.add_route(path, handler, methods=["POST"])
    return app


async def post(app: ASGIApp, body: bytes = b"body", path: str = "/runs") -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
        return await http.post(path, content=body)


def test_a_busy_answer_is_kept_back_until_the_request_succeeds() -> None:
    bodies: list[bytes] = []

    async def handler(request: Request) -> Response:
        bodies.append(await request.body())
        if len(bodies) < 4:
            raise BusyError
        return Response("done", 201)

    reply = asyncio.run(post(PatientApp(application(handler))))
    assert (reply.status_code, reply.text) == (201, "done")
    assert bodies == [b"body"] * 4


def test_a_database_that_stays_busy_is_told_to_the_client() -> None:
    tries = 0

    async def handler(_: Request) -> Response:
        nonlocal tries
        tries += 1
        raise BusyError

    reply = asyncio.run(post(PatientApp(application(handler), tries=3)))
    assert (reply.status_code, reply.text, tries) == (503, "busy", 3)


def test_any_other_error_is_told_at_once() -> None:
    tries = 0

    async def handler(_: Request) -> Response:
        nonlocal tries
        tries += 1
        raise ValueError

    reply = asyncio.run(post(PatientApp(application(handler))))
    assert (reply.status_code, tries) == (500, 1)


async def most_at_once(path: str) -> int:
    """Post eight requests together, and return how many of them were inside at once."""
    inside: list[str] = []
    counts: list[int] = []

    async def handler(request: Request) -> Response:
        inside.append(request.url.path)
        counts.append(len(inside))
        await asyncio.sleep(0.005)
        inside.pop()
        return Response("done", 201)

    app = PatientApp(application(handler, path))
    replies = await asyncio.gather(*(post(app, path=path) for _ in range(8)))
    assert [reply.status_code for reply in replies] == [201] * 8
    return max(counts)


def test_writes_go_one_by_one() -> None:
    assert asyncio.run(most_at_once("/runs")) == 1


@pytest.mark.parametrize("path", ["/runs/filter", "/runs/count", "/ui/runs/count-tasks"])
def test_questions_wait_for_nobody(path: str) -> None:
    assert asyncio.run(most_at_once(path)) == 8


def test_an_answer_in_parts_goes_out_part_by_part() -> None:
    async def parts() -> AsyncIterator[str]:
        yield "one "
        yield "two"

    async def handler(_: Request) -> Response:
        return StreamingResponse(parts())

    assert asyncio.run(post(PatientApp(application(handler)))).text == "one two"


@pytest.mark.parametrize("size", [0, 2**20])
def test_a_body_of_any_size_is_repeated_whole(size: int) -> None:
    sizes: list[int] = []

    async def handler(request: Request) -> Response:
        sizes.append(len(await request.body()))
        if len(sizes) == 1:
            raise BusyError
        return Response(status_code=204)

    assert asyncio.run(post(PatientApp(application(handler)), b"x" * size)).status_code == 204
    assert sizes == [size, size]


def test_a_transaction_waits_briefly_for_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Prefect's 60 s, the whole server stands still now and then."""
    monkeypatch.setattr(AioSqliteConfiguration, "setup_sqlite", AioSqliteConfiguration.setup_sqlite)
    database = f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}"

    async def wait_ms() -> object:
        engine = await AioSqliteConfiguration(database).engine()
        async with engine.connect() as connection:
            found = await connection.execute(text("PRAGMA busy_timeout"))
            waits = found.scalar_one()
        await engine.dispose()
        return waits

    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: database}):
        assert isinstance(patient(FastAPI()), PatientApp)
    assert asyncio.run(wait_ms()) == 2000


def test_postgresql_needs_no_patience() -> None:
    app = FastAPI()
    url = "postgresql+asyncpg://user@127.0.0.1:1/prefect"
    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: url}):
        assert patient(app) is app
