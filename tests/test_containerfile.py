"""The container file, as far as it can be held to account where no engine builds it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flows.cli import parse_arguments
from tasks.lock_files import read_lock

ROOT = Path(__file__).parents[1]
PREFIX = "/opt/scicode"


@dataclass(frozen=True)
class Stage:
    """One stage of the file: its base image, and its instructions in order."""

    base: str
    steps: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def all(self, instruction: str) -> list[str]:
        return [text for name, text in self.steps if name == instruction]


def stages() -> list[Stage]:
    text = (ROOT / "deployments" / "Containerfile").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    found: list[Stage] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, rest = line.partition(" ")
        if name == "FROM":
            found.append(Stage(rest.split()[0]))
        elif name:
            found[-1].steps.append((name, " ".join(rest.split())))
    return found


BUILD, FINAL = stages()
COPIED = [source for text in BUILD.all("COPY") for source in text.split()[:-1]]


def test_both_stages_start_from_one_exact_release() -> None:
    assert BUILD.base == FINAL.base
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+\.\d+-slim-\w+", BUILD.base)


def test_every_environment_is_built_and_is_for_that_python() -> None:
    (line,) = BUILD.all("RUN")
    build = line.split(" && ")[-1].split()
    locks = sorted((ROOT / "deployments" / "environments").glob("*.lock"))
    arguments = parse_arguments(build[1:])
    assert sorted(arguments.environments) == [lock.stem for lock in locks]
    assert arguments.cache_dir == PREFIX
    (python,) = re.findall(r"python:(3\.\d+)", BUILD.base)
    assert [lock.stem for lock in locks if python not in read_lock(lock).pythons] == []


def test_everything_that_the_wheel_is_made_from_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], *project["project"]["license-files"]}
    assert {*needed, "pyproject.toml", project["project"]["readme"]} <= set(COPIED)


def test_what_is_copied_is_let_through_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == set(COPIED)
    assert [source for source in COPIED if not (ROOT / source).exists()] == []


def test_containers_run_as_an_ordinary_user_by_number() -> None:
    """Kubernetes' `runAsNonRoot` cannot tell by a name."""
    assert FINAL.all("USER") == ["1000:1000"]
    # What needs root comes before.
    names = [name for name, _ in FINAL.steps]
    assert "RUN" not in names[names.index("USER") :]


def test_no_secret_goes_into_the_image() -> None:
    set_there = [text for stage in (BUILD, FINAL) for text in stage.all("ENV") + stage.all("ARG")]
    assert [text for text in set_there if re.search(r"KEY|TOKEN|SECRET|PASSW", text)] == []


@pytest.mark.slow
def test_its_install_steps_give_an_evaluator_that_needs_no_checkout(tmp_path: Path) -> None:
    """Both environments are found in the installation, from another folder and an empty cache."""
    source, prefix, work = tmp_path / "src", tmp_path / "opt", tmp_path / "work"
    source.mkdir()
    work.mkdir()
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    kept = ("PATH", "PIP_INDEX_URL", "PIP_CONFIG_FILE", "HTTPS_PROXY", "SSL_CERT_FILE")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment |= {"HOME": str(work), "PREFECT_HOME": str(work / "prefect")}
    for command in BUILD.all("RUN"):
        line = command.replace(PREFIX, str(prefix)).replace("python -m venv", "$PYTHON -m venv")
        ran_in = {**environment, "PYTHON": sys.executable}
        subprocess.run(["sh", "-ec", line], cwd=source, env=ran_in, check=True)
    shutil.rmtree(source)

    command = [prefix / "bin" / "scicode-flows", "evaluate", "--problems", "1"]
    command += ["--environments", "scipy-2024,scipy-2025", "--output", work / "run"]
    ran = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "building environment" not in ran.stderr
    run = (work / "run" / "run.json").read_text()
    assert str(prefix / "environments" / "scipy-2024") in run
    assert str(prefix / "environments" / "scipy-2025") in run
    assert not (work / ".cache" / "scicode-flows" / "environments").exists()
