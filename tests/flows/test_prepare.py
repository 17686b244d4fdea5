"""Preparing a data folder: what is fetched, what is left alone, and what is said."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows.cli import run
from flows.prepare import check_room
from tasks.core.assets import ASSETS, Asset
from tasks.core.errors import DownloadError

if TYPE_CHECKING:
    from tests.conftest import FileServer

SHARED = Path(__file__).parents[3] / "shared" / "data" / "scicode"
PATIENCE_S = 60.0
SMALL = [asset.name for asset in ASSETS["scicode"] if asset.name != "test_data.h5"]

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")


@pytest.fixture
def served(file_server: FileServer) -> FileServer:
    """Serve what we have of SciCode, which is all but the targets."""
    file_server.files |= {f"/{name}": (SHARED / name).read_bytes() for name in SMALL}
    return file_server


def prepare(data: Path, source: str, benchmark: str = "scicode") -> int:
    return run(["prepare", benchmark, "--data-dir", str(data), "--from", source])


@needs_shared
def test_files_come_from_a_url_and_a_missing_one_ends_with_1(
    served: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare(tmp_path / "data", served.url) == 1
    for name in SMALL:
        assert (tmp_path / "data" / name).read_bytes() == (SHARED / name).read_bytes()
    captured = capsys.readouterr()
    rows = {line.split()[0]: line.split()[1:] for line in captured.out.splitlines()}
    host = served.url.removeprefix("http://")
    assert rows["upstream/13.6.txt"] == ["2.1", "kB", host]
    assert rows["test_data.h5"] == ["missing"]
    assert captured.err.startswith("error: test_data.h5: expected a copy with sha256 48b0272a88b1")
    assert f"{host}/raw_ground.h5: HTTP 404" in captured.err
    assert "drive.google.com" in captured.err


@needs_shared
def test_what_is_there_and_right_is_not_fetched_again(
    served: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    prepare(data, served.url)
    before = {name: (data / name).stat().st_mtime_ns for name in SMALL}
    served.requests.clear()
    capsys.readouterr()
    prepare(data, served.url)
    assert {path for path, _ in served.requests} == {"/test_data.h5", "/raw_ground.h5"}
    assert {name: (data / name).stat().st_mtime_ns for name in SMALL} == before
    assert capsys.readouterr().out.count("was there") == len(SMALL)


@needs_shared
def test_a_file_that_is_there_and_wrong_is_replaced_and_told(
    served: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "data" / "upstream" / "13.6.txt"
    wrong.parent.mkdir(parents=True)
    wrong.write_bytes(b"x" * 2098)  # of the right length
    prepare(tmp_path / "data", served.url)
    assert wrong.read_bytes() == (SHARED / "upstream" / "13.6.txt").read_bytes()
    said = "upstream/13.6.txt: another file is there; the right one will take its place"
    assert said in capsys.readouterr().err


@needs_shared
def test_a_wrong_file_stays_until_there_is_a_right_one(
    served: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served.files["/upstream/13.6.txt"] = b"x" * 2098
    kept = tmp_path / "data" / "upstream" / "13.6.txt"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"mine")
    assert prepare(tmp_path / "data", served.url) == 1
    assert kept.read_bytes() == b"mine"
    assert "expected sha256 795a2b57" in capsys.readouterr().err


@needs_shared
def test_files_come_from_a_folder_under_upstreams_names_too(tmp_path: Path) -> None:
    """The official repository calls the test problems `problems_all.jsonl`, and is flat."""
    mine = tmp_path / "mine"
    mine.mkdir()
    shutil.copy(SHARED / "problems_test.jsonl", mine / "problems_all.jsonl")
    shutil.copy(SHARED / "upstream" / "13.6.txt", mine)
    assert prepare(tmp_path / "data", str(mine)) == 1
    assert (tmp_path / "data" / "problems_test.jsonl").is_file()
    assert (tmp_path / "data" / "upstream" / "13.6.txt").is_file()
    assert not (tmp_path / "data" / "problems_dev.jsonl").exists()


@pytest.mark.parametrize("source", ["ftp://host/x", "http://", "absent"])
def test_a_source_that_is_none_is_bad_usage(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare(tmp_path / "data", source) == 2
    assert "--from: expected http(s)://host/path or a folder" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_an_empty_folder_name_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """It would mean the current folder."""
    assert run(["prepare", "scicode", "--data-dir", ""]) == 2
    assert "data_dir: expected a value, found an empty text" in capsys.readouterr().err


def test_a_benchmark_that_is_none_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["prepare", "scicodes"])
    assert ended.value.code == 2
    assert "choose from" in capsys.readouterr().err


def test_a_data_folder_that_is_a_file_is_bad_usage(
    tmp_path: Path, file_server: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").touch()
    assert prepare(tmp_path / "data", file_server.url) == 2
    assert "give --data-dir a folder that can be written" in capsys.readouterr().err


@needs_shared
def test_a_proxy_of_the_environment_is_used(
    file_server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy is asked for whole URLs; the host exists nowhere."""
    content = (SHARED / "problems_dev.jsonl").read_bytes()
    file_server.files["http://files.test/problems_dev.jsonl"] = content
    monkeypatch.setenv("HTTP_PROXY", file_server.url)
    assert prepare(tmp_path / "data", "http://files.test/") == 1
    assert (tmp_path / "data" / "problems_dev.jsonl").read_bytes() == content


def test_what_the_disk_cannot_hold_is_not_begun(tmp_path: Path) -> None:
    """An exabyte, of which 5 bytes are there already."""
    (tmp_path / "file.part").write_bytes(b"12345")
    huge = Asset("file", "0" * 64, (), 10**18)
    # 10^18 - 5 + 64 MiB to spare (67108864).
    with pytest.raises(DownloadError, match=r"expected 1000000000067108859 bytes of free space"):
        check_room(tmp_path, [huge])
    check_room(tmp_path, [])


def test_ctrl_c_keeps_what_came_and_says_so(file_server: FileServer, tmp_path: Path) -> None:
    """The targets come without end of the connection: the server holds the last part back."""
    start = b"0" * 5000
    file_server.files["/test_data.h5"] = start
    file_server.claimed_length = 1_049_345_865
    file_server.hold = True
    command = ["prepare", "scicode", "--data-dir", str(tmp_path), "--from", file_server.url]
    process = subprocess.Popen(
        [sys.executable, "-m", "flows", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    part = tmp_path / "test_data.h5.part"
    deadline = time.monotonic() + PATIENCE_S
    while not part.is_file() or part.stat().st_size < len(start):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    printed, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, printed) == (1, "")
    said = "interrupted; what came so far is kept, the same command goes on from there\n"
    assert errors == said
    assert part.read_bytes() == start
