"""The verifier service's HTTP: who may ask, how much, and what an error is called there.

404 and 422 are the caller's to correct, 429 and 503 with `Retry-After` pass, 503 without it is the
verifier's own trouble. A caller who hangs up has no more programs running.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Coroutine, Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect

from flows.service import VerifierService
from flows.service_bodies import RETRY_S, Bodies, BodyLimits
from flows.service_metrics import CONTENT_TYPE
from tasks.core.errors import (
    BusyError,
    EvalError,
    OversizedError,
    RequestError,
    ServiceError,
    UnknownIdError,
)

_HUNG_UP = 499  # nobody reads it; it is what the metrics count
# The first class that fits.
_STATUSES: tuple[tuple[type[EvalError], int], ...] = (
    (UnknownIdError, 404),
    (OversizedError, 413),
    (BusyError, 429),
    (RequestError, 422),
    (EvalError, 503),
)


def create_app(
    service: VerifierService, token: str | None, limits: BodyLimits | None = None
) -> FastAPI:
    """Make the HTTP application of a service.

    Args:
        service: who verifies.
        token: what callers must send as `Authorization: Bearer`, None to let in everybody.
        limits: what the bodies of requests may take.
    """
    app = FastAPI(openapi_url=None)
    bodies = Bodies(limits or BodyLimits())
    digest = None if token is None else _digest(token.encode())

    async def verify(request: Request) -> Response:
        begin, status = time.monotonic(), 500
        try:
            if not _may_enter(request, digest):
                response = _no_entry()
            else:
                response = await _verify(request, service, bodies)
            status = response.status_code
            return response
        finally:
            service.metrics.count_request(status, time.monotonic() - begin)

    async def health() -> Response:
        healthy, about = service.health()
        return _json(json.dumps(about), 200 if healthy else 503)

    async def metrics(request: Request) -> Response:
        if not _may_enter(request, digest):
            return _no_entry()
        return Response(service.metrics_text(), media_type=CONTENT_TYPE)

    app.add_api_route("/verify", verify, methods=["POST"])
    app.add_api_route("/healthz", health, methods=["GET"])
    app.add_api_route("/metrics", metrics, methods=["GET"])
    return app


async def _verify(request: Request, service: VerifierService, bodies: Bodies) -> Response:
    try:
        async with bodies.read(request) as body:
            return _json(await _while_wanted(request, service, service.verify(body)))
    except ClientDisconnect:
        return Response(status_code=_HUNG_UP)
    except TimeoutError:
        return _refuse(408, "expected the body to end in time, it did not; send it again")
    except EvalError as error:
        status = next(status for kind, status in _STATUSES if isinstance(error, kind))
        return _refuse(status, str(error), _retry_headers(error))


async def _while_wanted(
    request: Request, service: VerifierService, work: Coroutine[Any, Any, str]
) -> str:
    """Do the work as long as the caller is there and the service is not given up.

    Raises:
        ClientDisconnect: the caller hung up.
        ServiceError: the service was given up.
    """
    working = asyncio.create_task(work)
    gone = asyncio.create_task(_hang_up(request))
    aborted = asyncio.create_task(service.aborted.wait())
    tasks = (working, gone, aborted)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        if gone.done():
            raise ClientDisconnect
        raise ServiceError("the verifier was stopped before the verdict; ask another one")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _hang_up(request: Request) -> None:
    """Wait for the end of the connection; the body has been read, so nothing else can come."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _digest(token: bytes) -> bytes:
    """Hash a token, so that the time of a comparison does not tell its length."""
    return hashlib.sha256(token).digest()


def _may_enter(request: Request, digest: bytes | None) -> bool:
    if digest is None:
        return True
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    same = hmac.compare_digest(_digest(given.strip().encode("latin-1")), digest)
    return same and scheme.lower() == "bearer"


def _no_entry() -> Response:
    text = "expected the service's token as `Authorization: Bearer <token>`, found another or none"
    return _refuse(401, text, {"WWW-Authenticate": "Bearer"})


def _retry_headers(error: EvalError) -> Mapping[str, str]:
    if isinstance(error, BusyError):
        return {"Retry-After": str(error.retry_after_s)}
    return {"Retry-After": str(RETRY_S)} if isinstance(error, ServiceError) else {}


def _refuse(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return _json(json.dumps({"detail": message}), status, headers)


def _json(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Send JSON that is ASCII already, whatever the programs printed."""
    return Response(text, status, headers, media_type="application/json")
