"""deployments/server.env is the one place of a Prefect server's settings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.settings import get_current_settings

from flows.server_settings import SERVER_ENV, database_url, read_server_settings
from tasks.core.errors import ConfigError

ROOT = Path(__file__).parents[2]


def python(source: str, **variables: str) -> str:
    """Run Python without any setting of Prefect but these."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "DO_NOT_TRACK"))}
    return subprocess.run(
        [sys.executable, "-c", source],
        env={**kept, **variables},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_the_file_is_found_beside_the_packages() -> None:
    assert SERVER_ENV == ROOT / "deployments" / "server.env"
    assert len(read_server_settings()) > 5


def test_prefect_knows_every_setting_of_the_file() -> None:
    # A misspelt name would be passed over without a word.
    known = set(get_current_settings().to_environment_variables(include_aliases=True))
    others = {"DO_NOT_TRACK"}
    assert set(read_server_settings()) - others <= known


def test_a_shell_reads_the_same_from_it() -> None:
    shown = subprocess.run(
        ["env", "-i", "sh", "-c", f"set -a; . {SERVER_ENV}; set +a; env"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = dict(line.split("=", 1) for line in shown.splitlines())
    assert read_server_settings().items() <= lines.items()


@pytest.mark.parametrize("prepare", ["prepare_prefect()", "prepare_server({})"])
def test_what_the_environment_says_beats_the_file(prepare: str) -> None:
    shown = python(
        f"import os, flows.config as c; c.{prepare}\n"
        "print(os.environ['PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE'],"
        " os.environ['PREFECT_UI_API_URL'])",
        PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE="7",
    )
    assert shown == "7 /api\n"


def test_what_the_command_line_says_beats_the_environment() -> None:
    shown = python(
        "import os, flows.config as c; c.prepare_server({'PREFECT_UI_API_URL': '/a'})\n"
        "print(os.environ['PREFECT_UI_API_URL'])",
        PREFECT_UI_API_URL="/b",
    )
    assert shown == "/a\n"


def test_nothing_is_read_before_it_is_needed() -> None:
    source = "import os, flows.cli; print([n for n in os.environ if n.startswith('PREFECT_')])"
    assert python(source) == "[]\n"


@pytest.mark.parametrize("line", ["export A=b", "A", "A=b c", "=b", "A-B=c"])
def test_a_line_that_is_no_setting_is_named(line: str, tmp_path: Path) -> None:
    file = tmp_path / "own.env"
    file.write_text(f"# why\n\nGOOD=1\n{line}\n")
    with pytest.raises(ConfigError, match=f"found '{line}' in line 4 of .*own.env"):
        read_server_settings(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the server's settings .*none\.env"):
        read_server_settings(tmp_path / "none.env")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("postgresql://u:p@h:5432/d", "postgresql+asyncpg://u:p@h:5432/d"),
        ("postgres://h/d", "postgresql+asyncpg://h/d"),
        ("postgresql+asyncpg://h/d", "postgresql+asyncpg://h/d"),
        ("sqlite:////f/p.db", "sqlite+aiosqlite:////f/p.db"),
        ("sqlite+aiosqlite:///p.db", "sqlite+aiosqlite:///p.db"),
    ],
)
def test_the_driver_of_a_database_is_filled_in(given: str, meant: str) -> None:
    assert database_url(given) == meant


@pytest.mark.parametrize("url", ["mysql://h/d", "prefect.db", ""])
def test_another_database_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="expected the URL of a database"):
        database_url(url)


def test_a_refusal_does_not_repeat_a_password() -> None:
    with pytest.raises(ConfigError) as refusal:
        database_url("mysql://u:secret@h/d")
    assert "secret" not in str(refusal.value)
