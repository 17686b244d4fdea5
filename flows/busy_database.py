"""Repeats, inside the server, the requests that SQLite was too busy for.

SQLite has one writer, and refuses a transaction that began before another one's end. Prefect then
answers 503 and its client waits 2, 4, 8 … seconds: a problem that begins beside others may stand
still for a minute. The transaction was rolled back, so that the request can be repeated at once.

Where it does not refuse, SQLite waits, up to 60 s as Prefect sets it, and holds the waiting
connection's mutex all that time. Python's garbage collector, when it meets an old cursor of that
connection in the main thread, waits for the mutex, and with it the event loop, which the other
transaction needs in order to end: a server that stands still until the wait is over. So ours waits
briefly and tries again: requests here, batches of events in Prefect's services.
"""

import asyncio
from dataclasses import dataclass, field

from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BUSY = 503
_PAUSE_S = 0.02
_WAIT_MS = 2000
_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_QUESTIONS = frozenset({"filter", "count", "history", "paginate", "lateness", "get_runs"})


def patient(app: ASGIApp) -> ASGIApp:
    """Make Prefect's application patient where its database is SQLite, before it is started."""
    if not PREFECT_API_DATABASE_CONNECTION_URL.value().startswith("sqlite"):
        return app
    AioSqliteConfiguration.setup_sqlite = _setup_sqlite
    return PatientApp(app)


_prefects_setup = AioSqliteConfiguration.setup_sqlite


def _setup_sqlite(
    self: AioSqliteConfiguration, conn: DBAPIConnection, record: ConnectionPoolEntry
) -> None:
    """Set a new connection up as Prefect does, which has no setting for how long it waits."""
    _prefects_setup(self, conn, record)
    cursor = conn.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_WAIT_MS}")
    cursor.close()


@dataclass(slots=True)
class PatientApp:
    """An application on SQLite: writes go one by one, and are repeated where SQLite was busy.

    What still makes it busy is Prefect's own services. Reads disturb nobody and wait for nobody.
    """

    app: ASGIApp
    tries: int = 40
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if not _is_write(scope):
            await self.app(scope, receive, send)
            return
        body = await _read(receive)
        async with self._turn:
            for _ in range(self.tries - 1):
                if await self._try(scope, body, receive, send):
                    return
                await asyncio.sleep(_PAUSE_S)
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


def _is_write(scope: Scope) -> bool:
    """Whether a request changes the database; questions with a body are posted too."""
    if scope["type"] != "http" or scope["method"] not in _METHODS:
        return False
    last = scope["path"].rpartition("/")[2]
    return last not in _QUESTIONS and not last.startswith("count-")


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
