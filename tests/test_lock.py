"""The lock file pins what pyproject.toml asks for."""

import tomllib
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def _asked() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [
        Requirement(r) for r in project["dependencies"] + project["optional-dependencies"]["dev"]
    ]


def _pinned() -> list[Requirement]:
    return [Requirement(line) for line in (ROOT / "requirements.lock").read_text().splitlines()]


@pytest.mark.parametrize("requirement", _asked(), ids=str)
def test_every_dependency_is_pinned_to_a_version_that_it_allows(requirement: Requirement) -> None:
    pins = [pin for pin in _pinned() if pin.name == requirement.name]
    assert pins
    for pin in pins:
        (exact,) = pin.specifier
        assert exact.operator == "=="
        assert requirement.specifier.contains(exact.version)


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_no_package_is_pinned_twice_for_one_python(python: str) -> None:
    environment = {**default_environment(), "python_version": python}
    environment["python_full_version"] = f"{python}.0"
    names = [p.name for p in _pinned() if p.marker is None or p.marker.evaluate(environment)]
    assert len(names) == len(set(names))


def test_the_lock_file_names_no_address() -> None:
    assert "://" not in (ROOT / "requirements.lock").read_text()
