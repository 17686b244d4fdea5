"""deployments/server.env -> the settings of every Prefect server that is started here.

The file is for people too, who start a server by other means: so it is plain `NAME=value` lines.
"""

from pathlib import Path

from tasks.core.errors import ConfigError

# Beside the packages, in a checkout and in an installed wheel alike.
SERVER_ENV = Path(__file__).parents[1] / "deployments" / "server.env"

_DRIVERS = {
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
}


def read_server_settings(path: Path = SERVER_ENV) -> dict[str, str]:
    """Read the settings of a server by the names of their environment variables.

    Raises:
        ConfigError: the file cannot be read, or a line is no setting.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the server's settings {path}: {error}") from error
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return dict(
        _setting(path, number, line) for number, line in lines if line and not line.startswith("#")
    )


def database_url(url: str) -> str:
    """Name the driver that Prefect needs in the URL of a database.

    Raises:
        ConfigError: the database is neither SQLite nor PostgreSQL.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in _DRIVERS:
        raise ConfigError(
            f"expected the URL of a database, as in postgresql://user@host:5432/prefect or "
            f"sqlite:////folder/prefect.db, found one that starts with {scheme[:20]!r}"
        )
    return f"{_DRIVERS[scheme]}://{rest}"


def _setting(path: Path, number: int, line: str) -> tuple[str, str]:
    name, separator, value = line.partition("=")
    if not separator or not name.isidentifier() or not value.isascii() or " " in value:
        raise ConfigError(f"expected NAME=value, found {line[:80]!r} in line {number} of {path}")
    return name, value
