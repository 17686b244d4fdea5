"""Repeats, inside the server, the requests that SQLite was too busy for.

SQLite has one writer, and refuses a transaction that began before another one's end. Prefect then
answers 503 and its client waits 2, 4, 8 … seconds: a problem that begins beside others may stand
still for a minute. The transaction was rolled back, so that the request can be repeated at once.
"""

import asyncio
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BUSY = 503
_PAUSE_S = 0.02


@dataclass(slots=True)
class PatientApp:
    """An application whose answer `busy` goes out only when it was repeated some times.

    What is repeated goes one by one, so that it does not refuse each other.
    """

    app: ASGIApp
    tries: int = 40
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = await _read(receive)
        if await self._try(scope, body, receive, send):
            return
        async with self._turn:
            for _ in range(self.tries - 2):
                await asyncio.sleep(_PAUSE_S)
                if await self._try(scope, body, receive, send):
                    return
        await self.app(scope, _replay(body, receive), send)

    async def _try(self, scope: Scope, body: list[Message], receive: Receive, send: Send) -> bool:
        """Answer, unless the answer is `busy`, which is kept back."""
        busy = False

        async def pass_on(message: Message) -> None:
            nonlocal busy
            busy = busy or message.get("status") == _BUSY
            if not busy:
                await send(message)

        try:
            await self.app(dict(scope), _replay(body, receive), pass_on)
        except Exception:
            # Starlette raises again what it has answered.
            if not busy:
                raise
        return not busy


async def _read(receive: Receive) -> list[Message]:
    """Take the request's body, as it came."""
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    return messages


def _replay(messages: list[Message], receive: Receive) -> Receive:
    """Give what was read once more, and then what comes."""
    left = iter(messages)

    async def replayed() -> Message:
        return next(left, None) or await receive()

    return replayed
