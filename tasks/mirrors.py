"""upstream -> dataset: opens one copy of a file, over HTTP or in a folder, at a given position.

Whatever is wrong with a copy is a `MirrorError`, which says whether asking again may help. A web
page in the file's place (a login, a proxy, a captive portal) and a file of another length are
refused before a byte of them is kept.
"""

import re
import socket
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import httpx

CHUNK_BYTES = 1 << 18

_LONGEST_WAIT_S = 30.0
_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_HOPELESS = (httpx.UnsupportedProtocol, httpx.TooManyRedirects, httpx.DecodingError)


class MirrorError(Exception):
    """A copy cannot be had from here.

    `again`: asking once more may help, after `wait_s` if the server says so. `discard`: what was
    kept of the file so far cannot be continued here. `absent`: there is no such file at all.
    """

    def __init__(
        self,
        reason: str,
        *,
        again: bool = False,
        discard: bool = False,
        absent: bool = False,
        wait_s: float = 0.0,
    ) -> None:
        super().__init__(reason)
        self.again = again
        self.discard = discard
        self.absent = absent
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Stream:
    """Bytes of a file from position `start` on; `total_bytes` is the whole file's length."""

    start: int
    total_bytes: int | None
    chunks: Iterator[bytes]


class Mirror(Protocol):
    """Has a copy of one file; `label` names it in messages, without credentials."""

    @property
    def label(self) -> str: ...

    def open(self, offset: int, size_bytes: int | None) -> AbstractContextManager[Stream]:
        """Open the file at a position, or at its start where the copy cannot begin there."""
        ...


@dataclass(frozen=True, slots=True)
class HttpMirror:
    """A copy behind a URL."""

    client: httpx.Client
    url: str

    @property
    def label(self) -> str:
        """Host and path."""
        parts = urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.hostname}{port}{parts.path}"

    @contextmanager
    def open(self, offset: int, size_bytes: int | None) -> Generator[Stream]:
        """Ask for the rest of the file.

        Raises:
            MirrorError: no answer, or one that is not this file; also while the chunks are read.
        """
        # Bytes are counted and resumed, so they must be the file's own and not a compressed form.
        headers = {"Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
        try:
            with self.client.stream("GET", self.url, headers=headers) as response:
                yield _accept(response, offset, size_bytes)
        except httpx.TimeoutException as error:
            raise MirrorError("did not answer in time", again=True) from error
        except (httpx.InvalidURL, *_HOPELESS) as error:
            raise MirrorError(f"{type(error).__name__}: {error}") from error
        except httpx.HTTPError as error:
            again = not _is_unknown_host(error)
            raise MirrorError(f"{type(error).__name__}: {error}", again=again) from error


def _is_unknown_host(error: BaseException) -> bool:
    """Whether nobody knows the host's name: a machine without network is told so at once."""
    link: BaseException | None = error
    while link is not None and not isinstance(link, socket.gaierror):
        link = link.__cause__ or link.__context__
    return link is not None and link.errno == socket.EAI_NONAME


@dataclass(frozen=True, slots=True)
class FileMirror:
    """A copy in a folder of this machine."""

    path: Path

    @property
    def label(self) -> str:
        """The path."""
        return str(self.path)

    @contextmanager
    def open(self, offset: int, size_bytes: int | None) -> Generator[Stream]:
        """Open the file.

        Raises:
            MirrorError: it cannot be read, or has another length.
        """
        try:
            with self.path.open("rb") as file:
                total = self.path.stat().st_size
                _check_size(total, size_bytes)
                file.seek(offset)
                yield Stream(offset, total, iter(lambda: file.read(CHUNK_BYTES), b""))
        except OSError as error:
            raise MirrorError(error.strerror or str(error)) from error


def _accept(response: httpx.Response, offset: int, size_bytes: int | None) -> Stream:
    """Check that the answer is the file, or the rest of it."""
    if response.status_code not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        raise _refusal(response, offset)
    if response.headers.get("content-type", "").startswith("text/html"):
        raise MirrorError("a web page in the file's place (a login, or a proxy?)")
    partial = response.status_code == HTTPStatus.PARTIAL_CONTENT
    start, total = _part(response) if partial else (0, _length(response))
    if start not in (0, offset):
        raise MirrorError(f"asked for bytes from {offset}, found bytes from {start}")
    _check_size(total, size_bytes)
    # As they come: chunks of a given size would hold bytes back, and a cut would lose them.
    return Stream(start, total, response.iter_bytes())


def _refusal(response: httpx.Response, offset: int) -> MirrorError:
    status = response.status_code
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and offset:
        return MirrorError("the file ends before what was kept of it", again=True, discard=True)
    again = status in _AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    wait = response.headers.get("retry-after", "")
    wait_s = min(float(wait), _LONGEST_WAIT_S) if wait.isdecimal() else 0.0
    absent = status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
    return MirrorError(f"HTTP {status}", again=again, absent=absent, wait_s=wait_s)


def _part(response: httpx.Response) -> tuple[int, int | None]:
    """Read where the bytes begin and how long the whole file is."""
    said = response.headers.get("content-range", "")
    match = _CONTENT_RANGE.fullmatch(said)
    if match is None or response.headers.get("content-encoding", "identity") != "identity":
        raise MirrorError(f"a part of the file without its place, Content-Range {said!r}")
    return int(match[1]), None if match[2] == "*" else int(match[2])


def _length(response: httpx.Response) -> int | None:
    said = response.headers.get("content-length", "")
    encoded = response.headers.get("content-encoding", "identity") != "identity"
    return int(said) if said.isdecimal() and not encoded else None


def _check_size(found: int | None, expected: int | None) -> None:
    if expected is not None and found not in (None, expected):
        raise MirrorError(f"expected {expected} bytes, found {found}: another file")
