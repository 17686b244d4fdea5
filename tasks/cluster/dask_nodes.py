"""Requests to nodes over Dask: one verifier in each worker's process, asked beside Dask's tasks.

A verification is no Dask task but a call to a worker (`Client.run`). A task of a worker that has
died waits for it to come back, or runs again without a word, and one that runs cannot be ended; a
call fails at once, and what is done about that is decided in one place, above.
"""

import secrets
from importlib import import_module
from typing import Any

from tasks.cluster.node import NodeVerifier
from tasks.cluster.transport import NodeLostError, NodePlace
from tasks.core.errors import ConfigError, SandboxError

_VERIFIERS: dict[str, NodeVerifier] = {}
"""In a worker's process: the open verifiers, by evaluator."""


async def answer(session: str, request: bytes, attachment: bytes) -> bytes:
    """Answer in a worker's process, which has one verifier for each evaluator while it is open."""
    verifier = _VERIFIERS.get(session) or _VERIFIERS.setdefault(session, NodeVerifier())
    answered = await verifier.answer(request, attachment)
    if verifier.is_closed and _VERIFIERS.get(session) is verifier:
        del _VERIFIERS[session]
    return answered


class DaskNodes:
    """The workers of a Dask cluster; `address` is its scheduler's."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._session = secrets.token_hex(8)
        self._client: Any = None

    async def connect(self) -> None:
        """Reach the cluster.

        Raises:
            ConfigError: Dask is not installed.
            SandboxError: there is no cluster at the address.
        """
        try:
            distributed: Any = import_module("distributed")
        except ImportError as error:
            raise ConfigError(
                "execution dask needs Dask, which is not installed: install `scicode-flows[dask]` "
                "here and on every node"
            ) from error
        try:
            self._client = await distributed.Client(
                self._address, asynchronous=True, set_as_default=False
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise SandboxError(
                f"expected a Dask scheduler at {self._address}, could not reach it: {error}; start "
                "one with `dask scheduler`, or give its --execution-address"
            ) from error

    async def nodes(self) -> tuple[NodePlace, ...]:
        """Return the workers that the scheduler knows.

        Raises:
            SandboxError: the scheduler does not say.
        """
        try:
            identity: dict[str, Any] = await self._client.scheduler.identity(n_workers=-1)
        except Exception as error:
            raise SandboxError(f"the Dask cluster at {self._address} is lost: {error}") from error
        workers: dict[str, dict[str, Any]] = identity["workers"]
        return tuple(NodePlace(name, int(worker["nthreads"])) for name, worker in workers.items())

    async def ask(self, node: str, request: bytes, attachment: bytes = b"") -> bytes:
        """Have the verifier in a worker answer.

        Raises:
            NodeLostError: it did not.
        """
        try:
            arguments = (self._session, request, attachment)
            found: dict[str, Any] = await self._client.run(answer, *arguments, workers=[node])
            return bytes(found[node])
        # Whatever Dask raises, there is no answer.
        except Exception as error:
            raise NodeLostError(node, f"{type(error).__name__}: {error}") from error

    async def drop(self, node: str) -> None:
        """Do nothing: a closed verifier is forgotten by its worker, a lost one has no evaluator."""

    async def close(self) -> None:
        """Leave the cluster."""
        if self._client is not None:
            await self._client.close()
