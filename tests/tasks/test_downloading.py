"""Fetching one file over real connections that break, lie and stall."""

from __future__ import annotations

import fcntl
import hashlib
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tasks.core.assets import Asset
from tasks.core.errors import ConfigError, DownloadError
from tasks.downloading import Patience, fetch, holds
from tasks.http_client import make_client
from tasks.mirrors import FileMirror, HttpMirror

if TYPE_CHECKING:
    from tests.conftest import FileServer

CONTENT = bytes(range(256)) * 40  # 10240 bytes
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SOON = Patience(tries=3, wait_s=0.0)


@dataclass
class Seen:
    """Notes what it is told."""

    notes: list[str] = field(default_factory=list)
    begun: list[tuple[str, int | None, int]] = field(default_factory=list)
    advanced: int = 0

    def file(self, name: str) -> None: ...

    def begin(self, doing: str, total_bytes: int | None, done_bytes: int) -> None:
        self.begun.append((doing, total_bytes, done_bytes))

    def advance(self, number_bytes: int) -> None:
        self.advanced += number_bytes

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with make_client(0.5, proxies=False) as made:
        yield made


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def get(
    file_server: FileServer, client: httpx.Client, tmp_path: Path, seen: Seen
) -> Callable[..., str]:
    """Fetch `sub/file` from paths of the server, in this order."""

    def run(*paths: str, size: int | None = len(CONTENT), patience: Patience = SOON) -> str:
        asset = Asset("sub/file", SHA256, (), size, "See also the moon.")
        mirrors = [HttpMirror(client, f"{file_server.url}{path}") for path in paths]
        return fetch(asset, tmp_path, mirrors, patience, seen)

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sub" / "file"


@pytest.fixture
def part(file: Path) -> Path:
    file.parent.mkdir()
    return file.with_name("file.part")


def test_a_file_gets_its_name_once_it_is_whole(
    file_server: FileServer, get: Callable[..., str], file: Path, seen: Seen
) -> None:
    file_server.files["/a"] = CONTENT
    assert get("/a") == f"{file_server.url.removeprefix('http://')}/a"
    assert file.read_bytes() == CONTENT
    assert [path.name for path in file.parent.iterdir()] == ["file"]
    assert seen.begun == [("fetching", 10240, 0), ("checking", 10240, 0)]
    assert seen.advanced == 2 * 10240


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_cut_connection_is_continued_where_it_broke(
    file_server: FileServer, get: Callable[..., str], file: Path, size: int | None
) -> None:
    file_server.files["/a"] = CONTENT
    file_server.cuts["/a"] = [1000, 2000]
    get("/a", size=size)
    assert file.read_bytes() == CONTENT
    assert [asked for _, asked in file_server.requests] == [None, "bytes=1000-", "bytes=3000-"]


def test_what_a_command_left_is_continued_by_the_next(
    file_server: FileServer, get: Callable[..., str], file: Path, part: Path, seen: Seen
) -> None:
    file_server.files["/a"] = CONTENT
    part.write_bytes(CONTENT[:9000])
    get("/a")
    assert file.read_bytes() == CONTENT
    assert file_server.requests == [("/a", "bytes=9000-")]
    assert seen.begun[0] == ("fetching", 10240, 9000)


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_part_that_is_whole_already_is_only_checked(
    file_server: FileServer, get: Callable[..., str], file: Path, part: Path, size: int | None
) -> None:
    part.write_bytes(CONTENT)
    get("/a", size=size)
    assert file.read_bytes() == CONTENT
    assert file_server.requests == []


def test_a_server_that_ignores_range_sends_all_and_nothing_is_doubled(
    file_server: FileServer, get: Callable[..., str], file: Path, part: Path, seen: Seen
) -> None:
    file_server.files["/a"] = CONTENT
    file_server.honours_range = False
    part.write_bytes(CONTENT[:9000])
    get("/a")
    assert file.read_bytes() == CONTENT
    assert seen.begun[0] == ("fetching", 10240, 0)


def test_a_cut_of_a_server_that_ignores_range_loses_nothing(
    file_server: FileServer, get: Callable[..., str], part: Path
) -> None:
    """The new answer ends before the place where the old one did."""
    file_server.files["/a"] = CONTENT
    file_server.honours_range = False
    file_server.cuts["/a"] = [100] * 3
    part.write_bytes(CONTENT[:9000])
    with pytest.raises(DownloadError):
        get("/a")
    assert part.read_bytes() == CONTENT[:9000]


@pytest.mark.parametrize("said", ["bytes 4-10239/10240", "bytes 9000-10239/7", "pages 1-2/3", ""])
def test_a_part_from_another_place_is_refused(
    file_server: FileServer, get: Callable[..., str], part: Path, said: str
) -> None:
    file_server.files["/a"] = CONTENT
    file_server.wrong_range = said or " "
    part.write_bytes(CONTENT[:9000])
    with pytest.raises(DownloadError):
        get("/a")
    assert part.read_bytes() == CONTENT[:9000]


def test_a_damaged_part_is_not_the_mirrors_fault(
    file_server: FileServer, get: Callable[..., str], file: Path, part: Path, seen: Seen
) -> None:
    file_server.files["/a"] = CONTENT
    part.write_bytes(b"x" * 9000)
    get("/a")
    assert file.read_bytes() == CONTENT
    assert file_server.requests == [("/a", "bytes=9000-"), ("/a", None)]
    assert seen.notes == ["sub/file: what was kept of it is damaged, starting again"]


def test_a_part_longer_than_the_file_is_dropped(
    file_server: FileServer, get: Callable[..., str], file: Path, part: Path
) -> None:
    file_server.files["/a"] = CONTENT
    part.write_bytes(CONTENT + b"more")
    get("/a")
    assert file.read_bytes() == CONTENT


def test_a_part_longer_than_a_file_of_unknown_length_is_dropped(
    file_server: FileServer, get: Callable[..., str], file: Path, part: Path
) -> None:
    """The server says that there are no such bytes (416)."""
    file_server.files["/a"] = CONTENT
    part.write_bytes(CONTENT + b"more")
    get("/a", size=None)
    assert file.read_bytes() == CONTENT
    assert file_server.requests == [("/a", "bytes=10244-"), ("/a", None)]


def test_wrong_bytes_are_told_with_both_sums_and_the_next_mirror_is_asked(
    file_server: FileServer, get: Callable[..., str], file: Path, seen: Seen
) -> None:
    wrong = b"x" * len(CONTENT)
    file_server.files |= {"/a": wrong, "/b": CONTENT}
    host = file_server.url.removeprefix("http://")
    assert get("/a", "/b") == f"{host}/b"
    assert file.read_bytes() == CONTENT
    found = hashlib.sha256(wrong).hexdigest()
    assert seen.notes == [f"sub/file: {host}/a: expected sha256 {SHA256}, found {found}"]


def test_a_mirror_that_is_cut_and_then_lies_is_given_up_in_the_end(
    file_server: FileServer, get: Callable[..., str], file: Path, part: Path
) -> None:
    """Nothing is left of what it sent, so the part of the mirror before it is fetched anew."""
    file_server.files |= {"/a": b"x" * len(CONTENT), "/b": CONTENT}
    file_server.cuts["/a"] = [5000, 100]
    part.write_bytes(CONTENT[:1000])
    get("/a", "/b")
    assert file.read_bytes() == CONTENT


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_a_busy_server_is_asked_again(
    file_server: FileServer, get: Callable[..., str], file: Path, status: int
) -> None:
    file_server.files["/a"] = CONTENT
    file_server.statuses["/a"] = [status, status]
    get("/a")
    assert file.read_bytes() == CONTENT
    assert len(file_server.requests) == 3


def test_a_server_that_stays_busy_is_asked_a_limited_number_of_times(
    file_server: FileServer, get: Callable[..., str]
) -> None:
    file_server.files["/a"] = CONTENT
    file_server.statuses["/a"] = [500] * 9
    with pytest.raises(DownloadError, match="/a: HTTP 500"):
        get("/a")
    assert len(file_server.requests) == 3


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_server_without_the_file_is_asked_once(
    file_server: FileServer, get: Callable[..., str], file: Path, status: int
) -> None:
    file_server.files |= {"/a": CONTENT, "/b": CONTENT}
    file_server.statuses["/a"] = [status]
    get("/a", "/b")
    assert [path for path, _ in file_server.requests] == ["/a", "/b"]
    assert file.read_bytes() == CONTENT


def test_a_try_that_brought_enough_is_not_held_against_a_mirror(
    file_server: FileServer, get: Callable[..., str], file: Path
) -> None:
    """Nine cuts of 1000 bytes each, with two tries."""
    file_server.files["/a"] = CONTENT
    file_server.cuts["/a"] = [1000] * 9
    get("/a", patience=Patience(tries=2, wait_s=0.0, worth_bytes=1000))
    assert file.read_bytes() == CONTENT


def test_the_first_mirrors_bytes_are_kept_for_the_second(
    file_server: FileServer, get: Callable[..., str], file: Path
) -> None:
    file_server.files |= {"/a": CONTENT, "/b": CONTENT}
    file_server.cuts["/a"] = [4000, 0, 0]
    get("/a", "/b")
    assert file.read_bytes() == CONTENT
    assert file_server.requests[-1] == ("/b", "bytes=4000-")


def test_a_web_page_costs_nothing_of_what_was_kept(
    file_server: FileServer, get: Callable[..., str], part: Path
) -> None:
    file_server.files["/a"] = b"<html>Please log in</html>"
    file_server.content_type = "text/html; charset=utf-8"
    file_server.honours_range = False
    part.write_bytes(CONTENT[:9000])
    with pytest.raises(DownloadError, match="a web page in the file's place"):
        get("/a")
    assert part.read_bytes() == CONTENT[:9000]


def test_a_file_of_another_length_costs_nothing_of_what_was_kept(
    file_server: FileServer, get: Callable[..., str], part: Path
) -> None:
    file_server.files["/a"] = b"short"
    file_server.honours_range = False
    part.write_bytes(CONTENT[:9000])
    with pytest.raises(DownloadError, match="expected 10240 bytes, found 5"):
        get("/a")
    assert part.read_bytes() == CONTENT[:9000]


def test_an_answer_that_does_not_end_is_cut_off(
    file_server: FileServer, get: Callable[..., str], file: Path
) -> None:
    file_server.files |= {"/a": CONTENT * 100, "/b": CONTENT}
    file_server.says_length = False
    get("/a", "/b")
    assert file.read_bytes() == CONTENT


def test_a_cut_that_no_length_tells_of_is_found_by_the_known_size(
    file_server: FileServer, get: Callable[..., str], file: Path
) -> None:
    file_server.files["/a"] = CONTENT
    file_server.says_length = False
    file_server.cuts["/a"] = [3000]
    get("/a")
    assert file.read_bytes() == CONTENT


def test_a_silent_server_is_given_up(client: httpx.Client, tmp_path: Path, seen: Seen) -> None:
    """It accepts connections and says nothing: 2 tries of 0.5 s."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/a"
        asset = Asset("file", SHA256, ())
        start = time.monotonic()
        with pytest.raises(DownloadError, match="did not answer in time"):
            fetch(asset, tmp_path, [HttpMirror(client, url)], Patience(2, 0.0), seen)
    assert time.monotonic() - start < 5


def test_a_failure_names_every_mirror_the_sum_and_what_to_do(
    file_server: FileServer, get: Callable[..., str], part: Path
) -> None:
    file_server.files["/b"] = CONTENT
    file_server.cuts["/b"] = [4000, 0, 0]
    with pytest.raises(DownloadError) as raised:
        get("/a", "/b")
    host = file_server.url.removeprefix("http://")
    lines = str(raised.value).splitlines()
    assert lines[0] == f"sub/file: expected a copy with sha256 {SHA256}, found none:"
    assert lines[1] == f"  {host}/a: HTTP 404"
    assert lines[2].startswith(f"  {host}/b: RemoteProtocolError: ")
    assert lines[3] == "  See also the moon."
    assert f"what came so far is kept in {part}" in lines[4]
    assert "--from FOLDER" in lines[4]


def test_nothing_is_left_of_a_file_of_which_nothing_came(
    get: Callable[..., str], tmp_path: Path
) -> None:
    with pytest.raises(DownloadError) as raised:
        get("/a")
    assert list((tmp_path / "sub").iterdir()) == []
    assert "is kept" not in str(raised.value)


def test_a_password_in_a_url_is_not_told(client: httpx.Client) -> None:
    mirror = HttpMirror(client, "http://anna:secret@host.test:81/folder/file?token=secret")
    assert mirror.label == "host.test:81/folder/file"


def test_a_copy_in_a_folder_is_checked_like_any_other(tmp_path: Path, seen: Seen) -> None:
    (tmp_path / "wrong").write_bytes(b"x" * len(CONTENT))
    (tmp_path / "right").write_bytes(CONTENT)
    mirrors = [FileMirror(tmp_path / name) for name in ("absent", "wrong", "right")]
    asset = Asset("file", SHA256, (), len(CONTENT))
    assert fetch(asset, tmp_path / "data", mirrors, SOON, seen) == str(tmp_path / "right")
    assert (tmp_path / "data" / "file").read_bytes() == CONTENT
    assert seen.notes[0] == f"file: {tmp_path / 'absent'}: No such file or directory"


def test_a_file_holds_by_its_hash_alone(tmp_path: Path, seen: Seen) -> None:
    asset, path = Asset("file", SHA256, ()), tmp_path / "file"
    assert not holds(asset, path, seen)
    path.write_bytes(b"x" * len(CONTENT))
    assert not holds(asset, path, seen)
    path.write_bytes(CONTENT)
    assert holds(asset, path, seen)


def test_a_second_process_is_refused(get: Callable[..., str], part: Path) -> None:
    with part.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(DownloadError, match="another process is fetching"):
            get("/a")


def test_a_folder_that_cannot_be_made_is_refused(get: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "sub").touch()
    with pytest.raises(ConfigError, match="give --data-dir a folder that can be written"):
        get("/a")


def test_a_full_disk_ends_the_download_and_keeps_what_came(
    file_server: FileServer, tmp_path: Path
) -> None:
    """A limit on the size of files stands in for the full disk: both are an OSError of write."""
    file_server.files["/a"] = CONTENT
    source = f"""
    import resource, signal
    from pathlib import Path
    from tasks.core.assets import Asset
    from tasks.core.errors import DownloadError
    from tasks.downloading import Patience, fetch
    from tasks.http_client import make_client
    from tasks.mirrors import HttpMirror
    from tests_seen import Seen

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
    with make_client(5.0, proxies=False) as client:
        mirrors = [HttpMirror(client, {f"{file_server.url}/a"!r})]
        asset = Asset("file", {SHA256!r}, (), 10240)
        try:
            fetch(asset, Path({str(tmp_path)!r}), mirrors, Patience(), Seen())
        except DownloadError as error:
            print(error)
    """
    seen = """
    class Seen:
        def file(self, name): ...
        def begin(self, doing, total_bytes, done_bytes): ...
        def advance(self, number_bytes): ...
        def note(self, text): ...
    """
    (tmp_path / "tests_seen.py").write_text(textwrap.dedent(seen))
    ran = subprocess.run(
        # Without bytecode: what an import writes would be cut at the limit too.
        [sys.executable, "-B", "-c", textwrap.dedent(source)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": str(tmp_path)},
    )
    assert ran.stdout.startswith("file: cannot write more than 4000 bytes: File too large; make")
    assert (tmp_path / "file.part").read_bytes() == CONTENT[:4000]


def test_a_host_that_nobody_knows_is_asked_once(
    tmp_path: Path, client: httpx.Client, seen: Seen
) -> None:
    """The top-level domain `invalid` is reserved for names that do not exist (RFC 2606)."""
    mirror = HttpMirror(client, "http://nobody.invalid/file")
    asset = Asset("file", SHA256, ("https://nobody.invalid/file",), len(CONTENT))
    with pytest.raises(DownloadError):
        fetch(asset, tmp_path, [mirror], Patience(tries=3, wait_s=60.0), seen)
    assert len(seen.notes) == 1
