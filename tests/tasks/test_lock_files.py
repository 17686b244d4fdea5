"""A lock file names versions and Pythons, and nothing else gets through."""

from pathlib import Path

import pytest

from tasks.core.errors import ConfigError
from tasks.lock_files import find_lock, read_lock

OURS = Path(__file__).parents[2] / "deployments" / "environments"
HEADER = "# python: 3.11 3.12\n"


def lock_file(folder: Path, text: str) -> Path:
    path = folder / "own.lock"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "pythons", "pins"),
    [
        (
            "scipy-2024",
            ("3.11", "3.12"),
            {"numpy==1.26.4", "scipy==1.13.1", "sympy==1.13.3", "matplotlib==3.9.4"},
        ),
        ("scipy-2025", ("3.11", "3.12", "3.13"), {"numpy==2.4.6", "scipy==1.17.1"}),
    ],
)
def test_the_environments_that_come_along_are_found_by_name(name, pythons, pins):
    lock = read_lock(find_lock(name))
    assert (lock.name, lock.path, lock.pythons) == (name, OURS / f"{name}.lock", pythons)
    assert pins <= set(lock.pins)


def test_another_lock_is_found_by_its_path(tmp_path, monkeypatch):
    path = lock_file(tmp_path, f"{HEADER}\n# why\nnumpy==2.4.6\n  zope.interface==8!1.0+a \n")
    monkeypatch.chdir(tmp_path)
    assert find_lock("own.lock") == find_lock(str(path)) == path
    lock = read_lock(path)
    assert (lock.name, lock.pins) == ("own", ("numpy==2.4.6", "zope.interface==8!1.0+a"))


@pytest.mark.parametrize("name", ["scipy-1999", "", "../environments/scipy-2024", "/"])
def test_an_unknown_name_is_answered_with_the_known_ones(name):
    with pytest.raises(ConfigError, match="current, scipy-2024, scipy-2025, or the path"):
        find_lock(name)


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy>=2",
        "numpy==2.*",
        "numpy==2.4.6 ; python_version < '4'",
        "numpy==2.4.6 --hash=sha256:00",
        "--index-url https://example.org",
        "-e .",
        "./numpy.whl",
        "numpy @ file:///numpy.whl",
    ],
)
def test_a_line_that_is_no_pin_is_refused_with_its_number(tmp_path, line):
    path = lock_file(tmp_path, f"{HEADER}scipy==1.17.1\n{line}\n")
    with pytest.raises(ConfigError, match=r"found .* in line 3 of"):
        read_lock(path)


@pytest.mark.parametrize("header", ["", "# python:\n", "# python: 2.7\n", "# for 3.11\n"])
def test_a_lock_says_which_pythons_it_is_for(tmp_path, header):
    with pytest.raises(ConfigError, match=r"# python: 3\.11 3\.12"):
        read_lock(lock_file(tmp_path, f"{header}numpy==2.4.6\n"))


def test_a_lock_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "own.lock"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot read the lock file"):
        read_lock(path)


def test_the_sum_is_of_the_pins_and_the_python_and_of_nothing_else(tmp_path):
    def sha256(text: str, python: str = "3.11") -> str:
        return read_lock(lock_file(tmp_path, text)).sha256(python)

    one = sha256(f"{HEADER}a==1\nB==2\n")
    assert one == sha256("# python: 3.11\n# other words\nb==2\n\na==1\n")
    assert len({one, sha256(f"{HEADER}a==1\nb==3\n"), sha256(f"{HEADER}a==1\nb==2\n", "3.12")}) == 3
