"""An environment gets a Python that its lock is for, or a person is told what to install."""

import sys
from pathlib import Path

import pytest

from tasks.core.errors import ConfigError
from tasks.interpreters import BaseInterpreter, find_interpreter
from tasks.lock_files import Lock

THIS = f"{sys.version_info.major}.{sys.version_info.minor}"


def lock(*pythons: str) -> Lock:
    return Lock("own", Path("own.lock"), pythons, ())


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """Put commands of the test, and no others, on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def add(name: str, script: str) -> str:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    return add


def test_this_python_comes_first(commands):
    commands("python3.99", "echo Python 3.99.1")
    assert find_interpreter(lock(THIS, "3.99")) == BaseInterpreter(THIS, sys.executable)


def test_the_newest_on_the_path_comes_next(commands):
    commands("python3.98", "echo Python 3.98.4")
    newest = commands("python3.99", "echo Python 3.99.1")
    commands("uv", "exit 1")
    assert find_interpreter(lock("3.98", "3.99")) == BaseInterpreter("3.99", newest)


@pytest.mark.parametrize("script", ["echo not installed; exit 127", "echo Python 3.9.9"])
def test_a_launcher_without_that_python_does_not_count(commands, script):
    commands("python3.99", script)
    with pytest.raises(ConfigError, match=r"needs Python 3\.99, found .*install Python 3\.99"):
        find_interpreter(lock("3.99"))
    commands("uv", "exit 1")
    assert find_interpreter(lock("3.98", "3.99")) == BaseInterpreter("3.99", "3.99")
