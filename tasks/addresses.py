"""prompt -> generation: checks the address and the key of an endpoint, and keeps the key unsaid."""

import ipaddress
from urllib.parse import SplitResult, urlsplit

from tasks.core.errors import ConfigError

_SHORTEST_SECRET = 8  # shorter keys are placeholders, and would blot out ordinary words


def check_url(base_url: str) -> SplitResult:
    """Parse a base URL that can be named in messages and run records.

    Raises:
        ConfigError: it is no http(s) URL, or holds a password or a query.
    """
    try:
        url = urlsplit(base_url)
        usable = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        raise ConfigError(_url_problem("is no URL")) from None
    if not usable:
        raise ConfigError(_url_problem("is no URL of a server"))
    if "@" in url.netloc or url.query or url.fragment:
        raise ConfigError(_url_problem("holds a user, a password or a query"))
    return url


def check_key(api_key: str) -> str:
    """Return the key without the newline that a file or a shell leaves at its end.

    Raises:
        ConfigError: it has characters that no header can carry.
    """
    key = api_key.strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigError(
            "the key of the endpoint: expected printable ASCII without blanks, found other "
            "characters; check how it was copied"
        )
    return key


def hide_key(text: str, key: str) -> str:
    """Blot the key out of a text that others wrote."""
    return text.replace(key, "***") if len(key) >= _SHORTEST_SECRET else text


def is_loopback(url: SplitResult) -> bool:
    """Whether a URL leads to this machine; 0.0.0.0 does too, as people write it."""
    if url.hostname == "localhost":
        return True
    try:
        address = ipaddress.ip_address(url.hostname or "")
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _url_problem(found: str) -> str:
    # The address itself is left out: what is wrong with it may be that it holds a secret.
    return (
        "base URL of the endpoint: expected http(s)://host[:port]/path, such as "
        f"http://127.0.0.1:8000/v1; the one given {found}; give the credentials as the key"
    )
