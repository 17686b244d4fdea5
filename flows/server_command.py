"""argv -> a Prefect server in the foreground, with the settings of deployments/server.env.

It is imported by the command line at every start, so what it needs is imported when it runs.
"""

import argparse
from collections.abc import Callable, Mapping

from flows.config import prepare_server, process_environment
from flows.server_settings import database_url
from tasks.core.errors import ConfigError
from tasks.listening import listen, url_of

DONE = 0

_HOST = "PREFECT_SERVER_API_HOST"
_PORT = "PREFECT_SERVER_API_PORT"
_DATABASE = "PREFECT_SERVER_DATABASE_CONNECTION_URL"


def add_server_command(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add `server` to the command line."""
    server = add_parser(
        "server",
        help="start a Prefect server that keeps up with evaluations",
        description="Start a Prefect server and its web pages with the settings of "
        "deployments/server.env, until Ctrl-C. What PREFECT_… variables say beats that file. Runs "
        "and workers find it by PREFECT_API_URL, which it prints.",
    )
    server.add_argument("--port", type=int, help="port to listen on; 0: a free one (default: 4200)")
    server.add_argument(
        "--host",
        help="address to listen on (default: 127.0.0.1). On another one, whoever reaches it can "
        "start runs, unless PREFECT_SERVER_API_AUTH_STRING is set",
    )
    server.add_argument(
        "--database",
        metavar="URL",
        help="SQLite or PostgreSQL, as in postgresql://user@host:5432/prefect (default: a SQLite "
        f"file, ~/.prefect/prefect.db). A password is safer in {_DATABASE}",
    )
    server.set_defaults(handler=_serve)


def _serve(arguments: argparse.Namespace) -> int:
    environment = process_environment()
    host = arguments.host or environment.get(_HOST) or "127.0.0.1"
    port = _port(environment) if arguments.port is None else arguments.port
    database = arguments.database or environment.get(_DATABASE)
    with listen(host, port) as listener:
        chosen = {_HOST: host, _PORT: str(listener.getsockname()[1])}
        prepare_server(chosen | ({_DATABASE: database_url(database)} if database else {}))
        from flows.foreground_server import serve_prefect

        url = url_of(listener)
        print(f"starting at {url} (Ctrl-C ends)", flush=True)
        ready = f"ready: export PREFECT_API_URL={url}/api"
        serve_prefect(listener, lambda: print(ready, flush=True))
    return DONE


def _port(environment: Mapping[str, str]) -> int:
    text = environment.get(_PORT) or "4200"
    if not text.isdecimal():
        raise ConfigError(f"{_PORT}: expected the number of a port, found {text!r}")
    return int(text)
