"""Environments are built once, by one builder, whole or not at all."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tasks.core.errors import ConfigError, SandboxError
from tasks.core.records import Environment
from tasks.environments import prepare_environment

THIS = f"{sys.version_info.major}.{sys.version_info.minor}"
SOON_S = 30.0


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """Give a cache folder, and a PATH without uv."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "cache"


@pytest.fixture
def lines() -> list[str]:
    """What was announced."""
    return []


@pytest.fixture
def lock(tmp_path) -> str:
    """Give the path of a lock that pins nothing, so that nothing is fetched."""
    return write_lock(tmp_path)


def write_lock(folder: Path, pins: str = "") -> str:
    path = folder / "tiny.lock"
    path.write_text(f"# python: {THIS}\n{pins}")
    return str(path)


def write_uv(folder: Path, script: str) -> None:
    """Put a stand-in for uv on the PATH; `$last` is its last argument."""
    path = folder / "bin" / "uv"
    path.write_text(f"#!/bin/sh\nfor last; do :; done\nPATH=/usr/bin:/bin\n{script}\n")
    path.chmod(0o755)


def left_in(cache: Path) -> list[str]:
    return [path.name for path in (cache / "environments").iterdir() if path.is_dir()]


def test_current_is_this_interpreter_named_for_what_is_installed(tmp_path, lines):
    one = prepare_environment("current", tmp_path / "cache", lines.append)
    assert (one.name, one.python) == ("current", sys.executable)
    assert len(one.sha256) == 64
    assert one == prepare_environment("current", tmp_path / "cache", lines.append)
    assert lines == []
    assert not (tmp_path / "cache").exists()


def test_another_package_makes_current_another_environment(tmp_path, monkeypatch):
    before = prepare_environment("current", tmp_path, print)
    metadata = tmp_path / "new-1.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: new\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert prepare_environment("current", tmp_path, print).sha256 != before.sha256


def test_an_unknown_environment_is_a_mistake_of_configuration(cache, lines):
    with pytest.raises(ConfigError, match="scipy-2024"):
        prepare_environment("scipy-1999", cache, lines.append)


def test_an_environment_is_built_once_and_its_python_runs_by_itself(cache, lock, lines):
    one = prepare_environment(lock, cache, lines.append)
    folder = cache / "environments" / f"tiny-{one.sha256[:12]}"
    assert one == Environment("tiny", str(folder / "bin" / "python"), one.sha256)
    asked = [one.python, "-I", "-c", "import sys; print(sys.prefix, sys.prefix != sys.base_prefix)"]
    assert subprocess.check_output(asked, text=True) == f"{folder} True\n"
    assert [line.split()[0] for line in lines] == ["building", "environment"]
    assert f"(Python {THIS}, 0 packages) with pip in {folder}" in lines[0]
    assert prepare_environment(lock, cache, lines.append) == one
    assert len(lines) == 2


def test_a_build_that_was_interrupted_or_lost_its_python_is_done_anew(cache, lock, lines):
    one = prepare_environment(lock, cache, lines.append)
    folder = Path(one.python).parents[1]
    (folder / "environment-is-whole").unlink()
    (folder / "left-behind").touch()
    assert prepare_environment(lock, cache, lines.append) == one
    assert not (folder / "left-behind").exists()
    assert len(lines) == 4
    Path(one.python).unlink()
    Path(one.python).symlink_to("/no/such/python")
    assert prepare_environment(lock, cache, lines.append) == one
    assert len(lines) == 6


def test_of_several_builders_one_builds_and_the_others_wait(cache, lock, lines):
    made: list[Environment] = []
    builders = [
        threading.Thread(target=lambda: made.append(prepare_environment(lock, cache, lines.append)))
        for _ in range(4)
    ]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join(SOON_S)
    assert len(made) == 4
    assert len(set(made)) == 1
    assert len([line for line in lines if line.startswith("building")]) == 1


def test_an_installer_that_outlives_its_builder_keeps_others_out(cache, tmp_path, lock, lines):
    # The installer leaves a process behind that holds the lock until it has written.
    late = tmp_path / "late"
    write_uv(tmp_path, f'(sleep 1; date > "{late}") > /dev/null 2>&1 &\nexit 1')
    with pytest.raises(SandboxError):
        prepare_environment(lock, cache, lines.append)
    write_uv(tmp_path, 'mkdir -p "$last/bin"; ln -s /bin/sh "$last/bin/python"')
    prepare_environment(lock, cache, lines.append)
    assert late.exists()
    assert [line.split()[0] for line in lines[1:]] == ["waiting", "building", "environment"]


def test_a_failing_install_says_why_and_leaves_nothing(cache, tmp_path, lines, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    lock = write_lock(tmp_path, "no-such-package-of-ours==1.0\n")
    with pytest.raises(SandboxError, match="cannot make environment tiny") as raised:
        prepare_environment(lock, cache, lines.append)
    assert "No matching distribution found for no-such-package-of-ours==1.0" in str(raised.value)
    assert "check that a package index can be reached" in str(raised.value)
    assert left_in(cache) == []
    assert len(lines) == 1


def test_uv_is_used_where_it_is_and_hears_nothing_of_our_environment(
    cache, tmp_path, lines, monkeypatch
):
    for name in ("PYTHONPATH", "VIRTUAL_ENV", "UV_PYTHON", "UV_SYSTEM_PYTHON"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("UV_INDEX", "kept")
    log = tmp_path / "log"
    make = '[ "$1" = venv ] && mkdir -p "$last/bin" && ln -s /bin/sh "$last/bin/python"'
    write_uv(tmp_path, f'echo "$@" >> "{log}"; /usr/bin/env >> "{log}.env"\n{make}\nexit 0')
    lock = write_lock(tmp_path, "numpy==2.4.6\n")
    python = prepare_environment(lock, cache, lines.append).python
    make, fill, check = log.read_text().splitlines()
    assert make.startswith(f"venv --quiet --no-project --python {sys.executable} {cache}")
    assert fill.startswith(f"pip install --quiet --python {python} --no-deps --only-binary :all:")
    assert check == f"pip check --quiet --python {python}"
    seen = Path(f"{log}.env").read_text()
    assert "/nowhere" not in seen
    assert "UV_INDEX=kept" in seen
    assert "with uv in" in lines[0]


def test_a_python_that_uv_cannot_fetch_is_to_be_installed(cache, tmp_path):
    write_uv(tmp_path, "echo no network; exit 2")
    lock = tmp_path / "later.lock"
    lock.write_text("# python: 3.99\n")
    with pytest.raises(SandboxError, match=r"--python 3\.99 .*`python3\.99` starts it") as raised:
        prepare_environment(str(lock), cache, print)
    assert str(raised.value).endswith("no network")


def test_what_an_installer_says_is_shown_without_secrets_and_not_at_length(cache, tmp_path, lock):
    write_uv(
        tmp_path,
        "for i in 1 2 3 4 5 6 7 8 9; do echo line $i; echo; done\n"
        "echo https://me:hidden@example.org/simple?token=hidden denied\n"
        "echo 'No space left on device (os error 28)' >&2; exit 7",
    )
    with pytest.raises(SandboxError) as raised:
        prepare_environment(lock, cache, print)
    message = str(raised.value)
    assert "hidden" not in message
    assert message.endswith(
        "https://example.org/simple denied\nNo space left on device (os error 28)"
    )
    assert "ended with status 7; make room there" in message
    assert left_in(cache) == []


def test_a_cache_folder_that_cannot_be_written_is_named(cache, lock):
    cache.write_text("a file")
    with pytest.raises(SandboxError, match=f"cannot make environment tiny in {cache}.*make room"):
        prepare_environment(lock, cache, print)


@pytest.mark.slow
def test_an_environment_without_its_dependencies_is_not_whole(cache, tmp_path, lines, monkeypatch):
    wheel = tmp_path / "half-1.0-py3-none-any.whl"
    record = tmp_path / "half-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: half\nVersion: 1.0\nRequires-Dist: other\n"
    )
    (record / "WHEEL").write_text("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    (record / "RECORD").write_text("")
    archive = shutil.make_archive(str(tmp_path / "half"), "zip", tmp_path, record.name)
    Path(archive).rename(wheel)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    lock = write_lock(tmp_path, "half==1.0\n")
    with pytest.raises(SandboxError, match=r"half 1\.0 requires other, which is not installed"):
        prepare_environment(lock, cache, lines.append)
    assert left_in(cache) == []
