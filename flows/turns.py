"""Who may be writing: lets the next problem begin as soon as the endpoint would run out of chains.

A problem enters before it begins: its subflow starts with eight requests to the Prefect server. On
SQLite those of several refuse each other, and a refusal costs its problem seconds, many in a row
the evaluation: so few enter at once. They do so while others still write, and then wait for their
turn, so that the endpoint never waits for the server.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

# With one, whoever is refused would hold up all others.
ENTERING = 4


class Turns:
    """Lets problems begin, first come first served, while fewer chains are written than slots.

    A chain that is written leaves at once, so that a slow verification holds up no generation.
    """

    def __init__(self, slots: int, problems: int | None = None) -> None:
        """Take the slots for chains, and the most problems at once, if there is such a limit."""
        self._slots = slots
        self._problems = problems
        # The chains that each problem is still to write, in the order of turns.
        self._chains: dict[str, int] = {}
        self._outside: deque[tuple[str, int, asyncio.Future[None]]] = deque()
        self._entering: set[str] = set()
        self._entered: dict[str, asyncio.Future[None]] = {}

    @asynccontextmanager
    async def turn(self, problem_id: str, chains: int) -> AsyncGenerator[None]:
        """Wait until a problem with so many chains may enter; all have left at the end."""
        enter = asyncio.get_running_loop().create_future()
        self._outside.append((problem_id, chains, enter))
        self._go_on()
        try:
            await enter
            yield
        finally:
            self._chains.pop(problem_id, None)
            self._entering.discard(problem_id)
            self._entered.pop(problem_id, None)
            self._go_on()

    async def begin(self, problem_id: str) -> None:
        """Wait, inside its turn, until a problem that has entered may write."""
        begin = self._entered[problem_id] = asyncio.get_running_loop().create_future()
        self._entering.discard(problem_id)
        self._go_on()
        await begin

    def leave(self, problem_id: str) -> None:
        """Tell that one chain of a problem is written."""
        if problem_id in self._chains:
            self._chains[problem_id] -= 1
            if self._chains[problem_id] <= 0:
                del self._chains[problem_id]
            self._go_on()

    def _go_on(self) -> None:
        for problem_id in self._next():
            begin = self._entered.pop(problem_id, None)
            if begin is not None and not begin.done():
                begin.set_result(None)
        while self._outside and self._may_enter():
            problem_id, chains, enter = self._outside.popleft()
            if not enter.done():
                self._chains[problem_id] = chains
                self._entering.add(problem_id)
                enter.set_result(None)

    def _may_enter(self) -> bool:
        if self._problems is not None and len(self._chains) >= self._problems:
            return False
        return len(self._entering) + len(self._entered) < ENTERING

    def _next(self) -> list[str]:
        """Return whose turn it is: all with fewer chains than slots before them."""
        whose: list[str] = []
        before = 0
        for problem_id, chains in self._chains.items():
            if before >= self._slots:
                break
            whose.append(problem_id)
            before += chains
        return whose
