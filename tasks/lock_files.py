"""Lock files: an environment's name -> the versions that it holds and the Pythons it is for.

A lock file is plain `name==version` lines, so that pip and uv install exactly these and nothing
else, below a header that says `# python: 3.11 3.12`.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from tasks.core.errors import ConfigError

CURRENT = "current"
# Beside the packages, in a checkout and in an installed wheel alike.
_FOLDER = Path(__file__).parents[1] / "deployments" / "environments"
_SUFFIX = ".lock"
_PYTHONS = re.compile(r"#\s*python:\s*(3\.\d+(?:\s+3\.\d+)*)\s*$", re.MULTILINE)
_PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.!+_-]*$")


@dataclass(frozen=True, slots=True)
class Lock:
    """What a lock file says; `pythons` are versions like `3.11`, in rising order."""

    name: str
    path: Path
    pythons: tuple[str, ...]
    pins: tuple[str, ...]

    def sha256(self, python: str) -> str:
        """Name what an environment of this lock holds under a version of Python."""
        text = "\n".join((*sorted(pin.lower() for pin in self.pins), f"python=={python}"))
        return hashlib.sha256(text.encode()).hexdigest()


def find_lock(name: str) -> Path:
    """Find the lock file of an environment: one of ours by its name, another by its path.

    Raises:
        ConfigError: there is none.
    """
    own = _FOLDER / f"{name}{_SUFFIX}"
    if own.parent == _FOLDER and own.is_file():
        return own
    path = Path(name).expanduser()
    if path.is_file():
        return path.absolute()
    known = ", ".join((CURRENT, *sorted(file.stem for file in _FOLDER.glob(f"*{_SUFFIX}"))))
    raise ConfigError(
        f"no environment {name!r}: expected one of {known}, or the path of a lock file"
    )


def read_lock(path: Path) -> Lock:
    """Read a lock file.

    Raises:
        ConfigError: it cannot be read, or a line is not what a lock file holds.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the lock file {path}: {error}") from error
    pythons = _PYTHONS.search(text)
    if pythons is None:
        raise ConfigError(
            f"expected a line like `# python: 3.11 3.12` in the lock file {path}, found none; "
            "add one that names the Pythons it is for"
        )
    pins = tuple(
        _pin(path, number, line.strip())
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    )
    return Lock(path.name.removesuffix(_SUFFIX), path, tuple(pythons[1].split()), pins)


def _pin(path: Path, number: int, line: str) -> str:
    if not _PIN.match(line):
        raise ConfigError(
            f"expected `name==version`, found {line[:80]!r} in line {number} of the lock file "
            f"{path}; a lock file pins every version, without options or markers"
        )
    return line
