"""A PostgreSQL cluster of one's own, in a temporary folder, from Debian's package."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_INSTALLED = Path("/usr/lib/postgresql")
_NAME = "prefect"


def find_binaries() -> Path | None:
    """Find the newest installed PostgreSQL's programs."""
    found = sorted(_INSTALLED.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def private_postgres(binaries: Path) -> Generator[tuple[str, int]]:
    """Start a cluster on a free loopback port, yield its URL and process id, and leave nothing."""
    folder = Path(tempfile.mkdtemp(prefix="private-postgres-"))
    # PostgreSQL refuses to run as root.
    user = _unprivileged() if os.getuid() == 0 else None
    if user is not None:
        os.chown(folder, user, -1)
    port = _free_port()

    def run(*command: str) -> None:
        subprocess.run(
            [str(binaries / command[0]), *command[1:]],
            user=user,
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    data = str(folder / "data")
    try:
        run("initdb", "-D", data, "-U", _NAME, "--auth", "trust", "--encoding", "UTF8", "--no-sync")
        options = (
            f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder}"
        )
        run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", _NAME, _NAME)
            pid = int((folder / "data" / "postmaster.pid").read_text().split()[0])
            yield f"postgresql://{_NAME}@127.0.0.1:{port}/{_NAME}", pid
        finally:
            run("pg_ctl", "-D", data, "-m", "fast", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> int:
    names = [entry.pw_name for entry in pwd.getpwall()]
    return pwd.getpwnam("postgres" if "postgres" in names else "nobody").pw_uid


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
