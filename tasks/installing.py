"""Lock + interpreter -> a virtual environment that holds exactly what the lock pins.

By uv where it is on the PATH, else by venv and pip. Wheels only: then no package's own code runs
while it is installed, and what has no wheel here fails at once instead of after a long build.
"""

import re
import shutil
import subprocess
from pathlib import Path

from tasks.core.errors import SandboxError
from tasks.interpreters import BaseInterpreter
from tasks.lock_files import Lock

# What would lead an installer to another place than the one it is told, or to other packages.
_UNWANTED = (
    "PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX PIP_TARGET PIP_PREFIX PIP_ROOT PIP_USER "
    "PIP_REQUIREMENT PIP_CONSTRAINT PIP_REQUIRE_VIRTUALENV PIP_PYTHON PIP_DRY_RUN "
    "UV_PYTHON UV_SYSTEM_PYTHON UV_CONSTRAINT UV_OVERRIDE UV_PROJECT_ENVIRONMENT"
).split()
_SHOWN_LINES = 12
_SHOWN_CHARACTERS = 300
_CREDENTIALS = re.compile(r"(?<=://)[^/\s]*@")
_QUERY = re.compile(r"(https?://[^\s?]*)\?\S*")


def name_installer() -> str:
    """Say what `install` would use."""
    return "pip" if shutil.which("uv") is None else "uv"


def install(lock: Lock, base: BaseInterpreter, folder: Path, held: int) -> None:
    """Make a virtual environment in a folder that does not exist.

    Args:
        lock: what it is to hold.
        base: the Python that it is made from.
        folder: its place.
        held: a descriptor that installers inherit, so that a lock on it lasts as long as they do.

    Raises:
        SandboxError: an installer fails; the message ends with its last lines.
    """
    uv = shutil.which("uv")
    commands = (
        _pip_commands(lock, base, folder) if uv is None else _uv_commands(uv, lock, base, folder)
    )
    for command in commands:
        _run(lock, base, command, held)


def _uv_commands(uv: str, lock: Lock, base: BaseInterpreter, folder: Path) -> list[list[str]]:
    at = ["--python", str(folder / "bin" / "python")]
    make = [uv, "venv", "--quiet", "--no-project", "--python", base.python, str(folder)]
    if not lock.pins:
        return [make]
    # Programs cannot write what Python would compile.
    fill = [uv, "pip", "install", "--quiet", *at, *_exactly(lock), "--compile-bytecode"]
    return [make, fill, [uv, "pip", "check", "--quiet", *at]]


def _pip_commands(lock: Lock, base: BaseInterpreter, folder: Path) -> list[list[str]]:
    make = [base.python, "-I", "-m", "venv"]
    if not lock.pins:
        return [[*make, "--without-pip", str(folder)]]
    pip = [str(folder / "bin" / "python"), "-I", "-m", "pip", "--disable-pip-version-check"]
    fill = [*pip, "install", "--quiet", "--no-input", *_exactly(lock)]
    return [[*make, str(folder)], fill, [*pip, "check"]]


def _exactly(lock: Lock) -> tuple[str, ...]:
    return ("--no-deps", "--only-binary", ":all:", "--requirement", str(lock.path))


def _run(lock: Lock, base: BaseInterpreter, command: list[str], held: int) -> None:
    without = [word for name in _UNWANTED for word in ("-u", name)]
    done = subprocess.run(  # noqa: S603 — an installer, with arguments of our own
        ["/usr/bin/env", *without, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        pass_fds=(held,),
    )
    if done.returncode == 0:
        return
    raise SandboxError(
        f"cannot make environment {lock.name} from {lock.path}: `{' '.join(command)}` ended with "
        f"status {done.returncode}; {_advice(done.stdout, base)}. Its last lines:\n"
        f"{_last_lines(done.stdout)}"
    )


def _advice(output: str, base: BaseInterpreter) -> str:
    if "No space left" in output:
        return "make room there, or choose another cache folder"
    if base.python == base.version:
        command = f"python{base.version}"
        return f"if uv cannot fetch that Python, install it so that `{command}` starts it"
    return (
        "check that a package index can be reached and has these versions for this Python and "
        "machine, then start again"
    )


def _last_lines(output: str) -> str:
    """Return the end of an installer's output, without what opens a private package index."""
    lines = [line.rstrip() for line in output.splitlines() if line.strip()][-_SHOWN_LINES:]
    text = "\n".join(line[:_SHOWN_CHARACTERS] for line in lines)
    return _QUERY.sub(r"\1", _CREDENTIALS.sub("", text))
