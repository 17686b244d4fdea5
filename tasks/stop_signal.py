"""Between stages: one failure that ends an evaluation reaches everybody who is about to begin."""

import asyncio


class StopSignal:
    """Set by the first failure: no further request is sent, answers in flight are still kept."""

    def __init__(self) -> None:
        self._error: BaseException | None = None
        self._is_set = asyncio.Event()

    def set(self, error: BaseException) -> None:
        """Remember the first error, and wake whoever sleeps."""
        self._error = self._error or error
        self._is_set.set()

    def check(self) -> None:
        """Raise the first error again, if there was one."""
        if self._error is not None:
            raise self._error

    async def sleep(self, duration_s: float) -> None:
        """Wait, but no longer than until the first error, and raise it."""
        if duration_s > 0:
            try:
                await asyncio.wait_for(self._is_set.wait(), duration_s)
            except TimeoutError:
                return
        self.check()
