"""`scicode-flows server`, which also counts requests: python counted_server.py COUNTS [DATABASE].

The counts are written as JSON when the server has ended: `<status> <method> <path>` -> requests.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from flows.config import prepare_server
from flows.server_settings import database_url
from tasks.listening import listen, url_of

_ID = re.compile(r"/[0-9a-f]{8}-[0-9a-f-]{27}")


def counting(app: Any, seen: Counter[str], prefix: str) -> Any:
    """Count the answers of an application."""

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        async def note(message: Any) -> None:
            if message["type"] == "http.response.start":
                path = _ID.sub("/<id>", scope["path"])
                seen[f"{prefix}{message['status']} {scope['method']} {path}"] += 1
            await send(message)

        await app(scope, receive, note)

    return counted


def main(counts: Path, database: str | None) -> None:
    """Serve on a free port until a signal."""
    with listen("127.0.0.1", 0) as listener:
        name = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
        prepare_server({name: database_url(database)} if database else {})
        from flows.busy_database import PatientApp
        from flows.foreground_server import prefect_app, serve_prefect

        seen: Counter[str] = Counter()
        app = prefect_app()
        # What the server repeats in itself, and what a client sees.
        if isinstance(app, PatientApp):
            app.app = counting(app.app, seen, "inside ")
        serve_prefect(
            listener, lambda: print(url_of(listener), flush=True), counting(app, seen, "")
        )
    counts.write_text(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
