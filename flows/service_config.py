"""The settings of the verifier service, and whom it lets in."""

from ipaddress import ip_address

from pydantic import Field

from flows.config import DataSettings, read_key
from tasks.core.errors import ConfigError


class ServiceConfig(DataSettings):
    """Everything that the verifier service depends on."""

    port: int = Field(
        8001, ge=0, le=65535, description="port to listen on, 0 for a free one (default: 8001)"
    )
    host: str = Field(
        "127.0.0.1",
        description="address to listen on; one that others can reach needs --token-env "
        "(default: 127.0.0.1)",
    )
    token_env: str | None = Field(
        None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="name of the environment variable that holds the token which callers must "
        "send as `Authorization: Bearer` (default: no token)",
    )
    queue: int = Field(
        64,
        ge=1,
        description="sub-steps that may wait or run at once; more are refused with 429 "
        "(default: 64)",
    )
    grace_s: float = Field(
        30,
        ge=0,
        description="seconds that running sub-steps have to end when the service stops "
        "(default: 30)",
    )


def read_token(config: ServiceConfig) -> str | None:
    """Return the token that callers must send, None where none is asked for.

    Raises:
        ConfigError: the variable is empty, or others could reach the service without a token.
    """
    if config.token_env is None:
        if _is_loopback(config.host):
            return None
        raise ConfigError(
            f"host: expected a loopback address such as 127.0.0.1, found {config.host!r}, where "
            "others could run programs here; give --token-env NAME to ask them for a token"
        )
    token = read_key(config.token_env).strip()
    if not token:
        raise ConfigError(
            f"token_env: expected a token in the environment variable {config.token_env}, found "
            "none; set it, or leave out --token-env"
        )
    return token


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
