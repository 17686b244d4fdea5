"""Requests to nodes over Ray: one actor for each node, which has the node's processors.

Ray is an extra, imported when it is needed. An actor ends with its evaluator, and Ray neither
restarts it nor runs anything twice: what is done about a lost node is decided in one place, above.
"""

import asyncio
from importlib import import_module
from typing import Any

from tasks.cluster.node import NodeVerifier
from tasks.cluster.transport import NodeLostError, NodePlace
from tasks.core.errors import ConfigError, SandboxError


class RayNodes:
    """The nodes of a Ray cluster; `address` as in `ray.init`."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._ids: dict[str, str] = {}
        self._cores: dict[str, int] = {}
        self._actors: dict[str, Any] = {}
        self._ours = False

    async def connect(self) -> None:
        """Reach the cluster.

        Raises:
            ConfigError: Ray is not installed.
            SandboxError: there is no cluster at the address.
        """
        try:
            self._ray: Any = await asyncio.to_thread(import_module, "ray")
        except ImportError as error:
            raise ConfigError(
                "execution ray needs Ray, which is not installed: install `scicode-flows[ray]` "
                "here and on every node"
            ) from error
        if self._ray.is_initialized():
            return
        try:
            await asyncio.to_thread(
                self._ray.init, address=self._address, log_to_driver=False, logging_level="ERROR"
            )
        except Exception as error:
            raise SandboxError(
                f"expected a Ray cluster at {self._address}, could not reach it: {error}; start "
                "one with `ray start --head`, or give its --execution-address"
            ) from error
        self._ours = True

    async def nodes(self) -> tuple[NodePlace, ...]:
        """Return the nodes that are alive and have processors.

        Raises:
            SandboxError: the cluster does not say.
        """
        try:
            found: list[dict[str, Any]] = await asyncio.to_thread(self._ray.nodes)
        except Exception as error:
            raise SandboxError(f"the Ray cluster at {self._address} is lost: {error}") from error
        for node in found:
            cores = int(node["Resources"].get("CPU", 0)) if node["Alive"] else 0
            name = f"{node['NodeManagerHostname']}-{node['NodeID'][:8]}"
            self._ids[name], self._cores[name] = node["NodeID"], cores
        return tuple(NodePlace(name, cores) for name, cores in self._cores.items() if cores)

    async def ask(self, node: str, request: bytes, attachment: bytes = b"") -> bytes:
        """Have the actor on a node answer.

        Raises:
            NodeLostError: it did not.
        """
        actor = self._actors.get(node) or self._start(node)
        try:
            return bytes(await actor.answer.remote(request, attachment))
        # Whatever Ray raises, there is no answer.
        except Exception as error:
            raise NodeLostError(node, f"{type(error).__name__}: {error}") from error

    async def drop(self, node: str) -> None:
        """End the actor on a node."""
        actor = self._actors.pop(node, None)
        if actor is not None and self._ray.is_initialized():
            await asyncio.to_thread(self._ray.kill, actor)

    async def close(self) -> None:
        """Leave the cluster, if it was entered here."""
        if self._ours:
            await asyncio.to_thread(self._ray.shutdown)

    def _start(self, node: str) -> Any:
        strategies: Any = import_module("ray.util.scheduling_strategies")
        place = strategies.NodeAffinitySchedulingStrategy(self._ids[node], soft=False)
        options = {
            "num_cpus": self._cores[node],
            "scheduling_strategy": place,
            "max_restarts": 0,
            "max_task_retries": 0,
        }
        actor = self._ray.remote(NodeVerifier).options(**options).remote()
        self._actors[node] = actor
        return actor
