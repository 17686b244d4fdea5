"""Who may be writing: lets the next problem in as soon as the endpoint would run out of chains.

A subflow begins with eight requests to the Prefect server. On SQLite those of several refuse each
other, and a refusal costs its problem seconds, many in a row the evaluation: so few enter at once.
The next ones enter while others still write, so that the endpoint never waits for the server.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

# With one, whoever is refused would hold up all others.
ENTERING = 4


class Turns:
    """Lets problems in, first come first served, while fewer chains are being written than slots.

    A chain that is written leaves at once, so that a slow verification holds up no generation.
    """

    def __init__(self, slots: int, problems: int | None = None) -> None:
        """Take the slots for chains, and the most problems at once, if there is such a limit."""
        self._slots = slots
        self._problems = problems
        self._chains: dict[str, int] = {}
        self._entering: set[str] = set()
        self._waiting: deque[tuple[str, int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def turn(self, problem_id: str, chains: int) -> AsyncGenerator[None]:
        """Wait for the turn of a problem with so many chains; all have left at the end."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((problem_id, chains, turn))
        self._admit()
        try:
            await turn
            yield
        finally:
            self._chains.pop(problem_id, None)
            self.begin(problem_id)

    def begin(self, problem_id: str) -> None:
        """Tell that a problem whose turn it is has entered."""
        self._entering.discard(problem_id)
        self._admit()

    def leave(self, problem_id: str) -> None:
        """Tell that one chain of a problem is written."""
        if problem_id in self._chains:
            self._chains[problem_id] -= 1
            if self._chains[problem_id] <= 0:
                del self._chains[problem_id]
            self._admit()

    def _admit(self) -> None:
        while self._waiting and self._has_room():
            problem_id, chains, turn = self._waiting.popleft()
            if not turn.done():
                self._chains[problem_id] = chains
                self._entering.add(problem_id)
                turn.set_result(None)

    def _has_room(self) -> bool:
        if len(self._entering) >= ENTERING:
            return False
        if self._problems is not None and len(self._chains) >= self._problems:
            return False
        # Who is still entering asks the endpoint for nothing yet.
        begun = self._chains.keys() - self._entering
        return sum(self._chains[problem_id] for problem_id in begun) < self._slots
