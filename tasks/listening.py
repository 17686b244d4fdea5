"""Takes a port for an HTTP server: the recorded endpoint's, or the verifier service's."""

import socket

from tasks.core.errors import ConfigError

_LAST_PORT = 65535
_BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """Take a port before anything else starts, so that a taken one is said plainly.

    Args:
        host: address to listen on.
        port: port to listen on; 0 takes a free one.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    if not 0 <= port <= _LAST_PORT:
        raise ConfigError(f"cannot listen on port {port}: expected a number up to {_LAST_PORT}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host} port {port}: {error}; choose another port, or end the "
            "program that holds it"
        ) from error
    # Header and body leave in two writes; without this every answer waits 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the URL of a server at its root."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
