"""A running evaluation -> the server: an artifact that tells how far it is."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

from flows.progress import Counted, Progress
from tasks.artifacts import LiveArtifact
from tasks.core.course import Course, course_markdown
from tasks.core.json_value import JsonValue

EVERY_S = 10.0


class CountedProgress:
    """Passes the course on to whoever watches, and counts it."""

    def __init__(self, watcher: Progress) -> None:
        self._watcher = watcher
        self._start_s = time.monotonic()
        self._done: dict[Counted, int] = {}
        self._expected: dict[Counted, int] = {}

    def expect(self, counted: Counted, total: int) -> None:
        """Note how many there will be."""
        self._expected[counted] = total
        self._watcher.expect(counted, total)

    def advance(self, counted: Counted, number: int = 1) -> None:
        """Count so many more."""
        self._done[counted] = self._done.get(counted, 0) + number
        self._watcher.advance(counted, number)

    def note(self, text: str) -> None:
        """Pass a line on."""
        self._watcher.note(text)

    def course(self, usage: dict[str, JsonValue]) -> Course:
        """Return how far it is."""
        counts = {
            counted.value: (self._done.get(counted, 0), total)
            for counted, total in self._expected.items()
        }
        return Course(counts, usage, time.monotonic() - self._start_s)


@asynccontextmanager
async def shown_live(
    progress: CountedProgress, usage: Callable[[], dict[str, JsonValue]], every_s: float = EVERY_S
) -> AsyncGenerator[None]:
    """Keep the artifact of the course up to date inside, and leave it as it is at the end."""
    artifact = LiveArtifact()

    async def show() -> None:
        await artifact.show(course_markdown(progress.course(usage())))

    async def keep_showing() -> None:
        while True:
            await show()
            await asyncio.sleep(every_s)

    showing = asyncio.create_task(keep_showing())
    try:
        yield
    finally:
        showing.cancel()
        with suppress(asyncio.CancelledError):
            await showing
    # Not after a failure: whoever ended the evaluation should not wait for the server.
    await show()
