"""Makes the HTTP client of everything that is no chat: mirrors, lists of models, servers."""

import httpx

from tasks.core.errors import ConfigError

_CONNECT_S = 20.0


def make_client(timeout_s: float, *, proxies: bool = True) -> httpx.Client:
    """Make a client for plain HTTP requests.

    Args:
        timeout_s: seconds without a byte after which a connection counts as dead.
        proxies: use those that the environment names.

    Raises:
        ConfigError: such a proxy cannot be used.
    """
    timeout = httpx.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s))
    try:
        return httpx.Client(timeout=timeout, follow_redirects=True, trust_env=proxies)
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        # The address is left out, since it may hold a password.
        raise ConfigError(
            "the proxy of the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY): expected "
            f"http://host:port, found one that cannot be used ({type(error).__name__}); correct "
            "the variable or unset it (for SOCKS: pip install 'httpx[socks]')"
        ) from error
