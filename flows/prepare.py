"""upstream -> dataset: puts the files of a benchmark into the data folder, each checked by hash."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

import httpx
from pydantic import ConfigDict, Field

from flows.config import DataSettings
from flows.filled_in import FilledIn
from tasks.addresses import is_loopback
from tasks.core.assets import ASSETS, Asset
from tasks.core.errors import ConfigError, DownloadError
from tasks.downloading import Patience, Watch, fetch, holds, part_of
from tasks.http_client import make_client
from tasks.mirrors import FileMirror, HttpMirror, Mirror

_SPARE_BYTES = 64 << 20


class PrepareConfig(FilledIn):
    """What is fetched, from where, and into which folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    benchmark: Literal["scicode", "verified"] = Field(description="whose files")
    data_dir: Path = DataSettings.model_fields["data_dir"].default
    source: str | None = Field(
        None, description="folder or URL that has the files (default: the public mirrors)"
    )
    timeout_s: float = Field(30.0, gt=0, description="seconds to wait for the next byte")
    patience: Patience = Patience()


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of one file: the host or folder it came from, or why it is not there."""

    name: str
    size_bytes: int
    origin: str | None = None
    error: str | None = None


def prepare(config: PrepareConfig, watch: Watch) -> tuple[Prepared, ...]:
    """Fetch what is absent or wrong; a file that cannot be had does not stop the others.

    Raises:
        ConfigError: the source or the data folder cannot be used.
        DownloadError: there is no room for the files.
    """
    _check_source(config.source)
    assets, done = ASSETS[config.benchmark], dict[str, Prepared]()
    for asset in assets:
        path = config.data_dir / asset.name
        watch.file(asset.name)
        if holds(asset, path, watch):
            done[asset.name] = Prepared(asset.name, path.stat().st_size)
    missing = [asset for asset in assets if asset.name not in done]
    check_room(config.data_dir, missing)
    with make_client(config.timeout_s, proxies=not _is_here(config.source)) as client:
        for asset in missing:
            watch.file(asset.name)
            done[asset.name] = _fetch(asset, config, client, watch)
    return tuple(done[asset.name] for asset in assets)


def check_room(folder: Path, missing: Sequence[Asset]) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises:
        DownloadError: how much is needed, and how much there is.
    """
    needed = sum(max(0, (asset.size_bytes or 0) - _kept(folder, asset)) for asset in missing)
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(nearest).free
    if missing and free < needed + _SPARE_BYTES:
        raise DownloadError(
            f"{folder}: expected {needed + _SPARE_BYTES} bytes of free space, found {free}; make "
            "room, or give --data-dir a folder on another disk"
        )


def _fetch(asset: Asset, config: PrepareConfig, client: httpx.Client, watch: Watch) -> Prepared:
    path = config.data_dir / asset.name
    if path.exists():
        watch.note(f"{asset.name}: another file is there; the right one will take its place")
    mirrors = _mirrors(asset, config.source, client)
    try:
        origin = fetch(asset, config.data_dir, mirrors, config.patience, watch)
    except DownloadError as error:
        return Prepared(asset.name, 0, error=str(error))
    is_folder = config.source is not None and "://" not in config.source
    place = config.source if is_folder else origin.partition("/")[0]
    return Prepared(asset.name, path.stat().st_size, place)


def _mirrors(asset: Asset, source: str | None, client: httpx.Client) -> Sequence[Mirror]:
    if source is None:
        return [HttpMirror(client, url) for url in asset.urls]
    if "://" in source:
        base = source.rstrip("/")
        return [HttpMirror(client, f"{base}/{quote(name)}") for name in asset.other_names]
    paths = [Path(source) / name for name in asset.other_names]
    return [FileMirror(path) for path in paths if path.is_file()]


def _check_source(source: str | None) -> None:
    if source is None:
        return
    if "://" in source:
        if urlsplit(source).scheme not in ("http", "https") or not urlsplit(source).hostname:
            raise ConfigError("--from: expected http(s)://host/path or a folder, found another URL")
    elif not Path(source).is_dir():
        raise ConfigError(f"--from: expected http(s)://host/path or a folder, found {source!r}")


def _is_here(source: str | None) -> bool:
    """Whether the files come from this machine, which no proxy leads to."""
    return source is not None and "://" in source and is_loopback(urlsplit(source))


def _kept(folder: Path, asset: Asset) -> int:
    part = part_of(folder / asset.name)
    return part.stat().st_size if part.is_file() else 0
