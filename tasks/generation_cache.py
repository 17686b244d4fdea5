"""generation: keeps every answer on disk, so that no generation is paid for twice.

One JSON file an entry, readable by a person, written so that a reader, another writer or a power
cut never sees half of it. An entry that cannot be read is a miss: it costs one more request, never
a wrong answer.
"""

import json
import logging
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from tasks.core.caching import CACHE_VERSION, set_settings
from tasks.core.errors import ConfigError
from tasks.core.model_settings import ModelSettings
from tasks.core.records import FinishReason, Generation, StepKey, Usage

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GenerationCache:
    """Generations below one folder, found by the digest of `tasks.core.caching`."""

    root: Path

    def get(self, digest: str) -> Generation | None:
        """Return the generation kept under a digest; None if there is none that can be read."""
        path = self._path(digest)
        try:
            return _read_entry(path.read_text(encoding="utf-8"), digest)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            _log.warning("passing over the unreadable cache entry %s: %r", path, error)
            return None

    def put(
        self, digest: str, key: StepKey, settings: ModelSettings, generation: Generation
    ) -> None:
        """Keep a generation; it is on the disk when this returns.

        Raises:
            ConfigError: the folder cannot be written.
        """
        entry = {
            "cache_version": CACHE_VERSION,
            "digest": digest,
            "key": asdict(key),
            "settings": set_settings(settings),
            "generation": asdict(generation),
        }
        path = self._path(digest)
        try:
            _make_folder(path.parent)
            _write_durably(path, json.dumps(entry, indent=2) + "\n")
        except OSError as error:
            raise ConfigError(
                f"cannot keep a generation in {path}: {error}; make room there, or give a "
                "folder that can be written"
            ) from error

    def _path(self, digest: str) -> Path:
        return self.root / digest[:2] / f"{digest}.json"


def _read_entry(text: str, digest: str) -> Generation:
    """Parse an entry strictly: anything that is not exactly ours raises."""
    entry = _mapping(json.loads(text))
    if entry["cache_version"] != CACHE_VERSION or entry["digest"] != digest:
        raise ValueError("the entry belongs to another key or version")
    fields = _mapping(entry["generation"])
    usage = _mapping(fields["usage"])
    reasoning = fields["reasoning"]
    latency_s = fields["latency_s"]
    if not isinstance(latency_s, int | float):
        raise TypeError("latency_s is no number")
    return Generation(
        text=_text(fields["text"]),
        finish_reason=FinishReason(_text(fields["finish_reason"])),
        usage=Usage(_count(usage["input_tokens"]), _count(usage["output_tokens"])),
        latency_s=float(latency_s),
        reasoning=None if reasoning is None else _text(reasoning),
    )


def _write_durably(path: Path, text: str) -> None:
    """Write beside the target, flush to the disk, then rename: the file is whole or absent."""
    # mkstemp makes the file for its owner alone; a generation may hold unpublished work.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _make_folder(folder: Path) -> None:
    """Make a folder whose name outlives a power cut, as its files do."""
    if folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError("expected a JSON object")
    return cast(Mapping[str, object], value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("expected a string")
    return value


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise TypeError("expected a count")
    return value
