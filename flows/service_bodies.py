"""Reads the bodies of requests to the verifier service, without more memory than was set apart."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import Request

from tasks.core.errors import BusyError, OversizedError

RETRY_S = 5


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What bodies may take: bytes of one, bytes of all in use, and seconds to come in whole.

    All need a limit of their own, since 64 sub-steps may come in 64 requests, with whole rollouts.
    """

    one_bytes: int = 64 * 2**20
    all_bytes: int = 512 * 2**20
    arrival_s: float = 60.0


class Bodies:
    """Reads bodies, and counts the bytes of those that are in use."""

    def __init__(self, limits: BodyLimits) -> None:
        self._limits = limits
        self._in_use = 0

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncGenerator[bytearray]:
        """Read a body; it is in use until the block ends.

        Raises:
            OversizedError: it is too large.
            BusyError: the bodies in use are too large together.
            TimeoutError: it takes too long to come.
        """
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self._limits.one_bytes:
            raise self._oversized(f"{declared} bytes")
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.arrival_s):
                async for chunk in request.stream():
                    body += chunk
                    self._in_use += len(chunk)
                    self._check(len(body))
            yield body
        finally:
            self._in_use -= len(body)

    def _check(self, size: int) -> None:
        if size > self._limits.one_bytes:
            raise self._oversized("more")
        if self._in_use > self._limits.all_bytes:
            raise BusyError(
                f"all bodies together exceed {self._limits.all_bytes} bytes; try again later",
                RETRY_S,
            )

    def _oversized(self, found: str) -> OversizedError:
        return OversizedError(
            f"expected a body of at most {self._limits.one_bytes} bytes, found {found}; leave out "
            "fields that the verifier does not read"
        )
