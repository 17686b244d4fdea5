"""How requests reach nodes, whatever carries them: Ray or Dask."""

from dataclasses import dataclass
from typing import Protocol

# Ray tells a whole page.
_MOST_CHARACTERS = 200


class NodeLostError(Exception):
    """A node did not answer and will not: it, or the process that verifies on it, has ended."""

    def __init__(self, node: str, reason: str) -> None:
        super().__init__(f"{node} ({' '.join(reason.split())[:_MOST_CHARACTERS]})")


@dataclass(frozen=True, slots=True)
class NodePlace:
    """A node of a cluster, and how many processors the cluster may use of it."""

    name: str
    cores: int


class Transport(Protocol):
    """Carries bytes to one verifier on each node, and its answers back.

    A verifier is made when its node is first asked, and ends when the evaluator does.
    """

    async def connect(self) -> None:
        """Reach the cluster.

        Raises:
            ConfigError: what it takes is not installed.
            SandboxError: there is no cluster at the address.
        """
        ...

    async def nodes(self) -> tuple[NodePlace, ...]:
        """Return the nodes that are alive.

        Raises:
            SandboxError: the cluster does not say.
        """
        ...

    async def ask(self, node: str, request: bytes, attachment: bytes = b"") -> bytes:
        """Have the verifier on a node answer; that may take as long as a program runs.

        Raises:
            NodeLostError: it did not answer.
        """
        ...

    async def drop(self, node: str) -> None:
        """Forget the verifier on a node, ending it if that is possible."""
        ...

    async def close(self) -> None:
        """Leave the cluster."""
        ...
