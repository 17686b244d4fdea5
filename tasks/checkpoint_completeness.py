"""checkpoint -> prompt: whether a checkpoint on disk is whole, told without reading its weights.

Trainers write shards first and their index last, copies arrive file by file, and either may be
killed halfway. What comes back is the reason to wait, as data: tomorrow it may be whole.
"""

import json
import re
import struct
import zipfile
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import cast

from tasks.core.listing import name_first

_TEMPORARY = (".*", "tmp-*", "*.tmp", "*.incomplete")
_CONFIGURATIONS = ("config.json", "adapter_config.json", "params.json")
_WEIGHTS = frozenset(".safetensors .bin .gguf .pt .pth".split())
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<total>\d{5})(?P<suffix>\.\w+)")
_INDEX = "*.index.json"
# The safetensors library itself refuses a longer header.
_LONGEST_HEADER = 100_000_000
_LENGTH = struct.Struct("<Q")
_GGUF_MAGIC = b"GGUF"
_ZIP_MAGIC = b"PK\x03\x04"


def why_incomplete(path: Path, settle_s: float, now_s: float) -> str | None:
    """Return why a checkpoint may not be evaluated yet, None for a whole one.

    Args:
        path: a folder, or a `.gguf` file.
        settle_s: seconds for which none of its files may have changed.
        now_s: the time now, in seconds since the epoch.
    """
    try:
        return _why(path, settle_s, now_s)
    except OSError as error:
        return f"{error.filename or path} cannot be read: {error.strerror or error}"


def is_temporary(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or still being written."""
    return any(fnmatch(name, pattern) for pattern in _TEMPORARY)


def is_later_shard(path: Path) -> bool:
    """Whether a file is one part of a split file, and not its first, which stands for all."""
    shard = _SHARD.fullmatch(path.name)
    return shard is not None and int(shard["number"]) > 1


def changed_at(path: Path) -> float:
    """Return when a checkpoint's files last changed, in seconds since the epoch; raises OSError."""
    return max((file.stat().st_mtime for file in _files(path)), default=0.0)


def _why(path: Path, settle_s: float, now_s: float) -> str | None:
    if is_temporary(path.name):
        return "its name is that of a temporary one"
    files = _files(path)
    reason = _why_unsettled(files, settle_s, now_s)
    if reason is None and path.is_dir():
        reason = _why_lacking(path, [file for file in files if file.parent == path])
    if reason is None:
        reason = _why_shards_lack(files)
    if reason is not None:
        return reason
    broken = ((file.name, _why_broken(file)) for file in files)
    return next((f"{name} {why}" for name, why in broken if why is not None), None)


def _files(path: Path) -> list[Path]:
    """List the files of a checkpoint, those that are hidden left out."""
    if path.is_dir():
        return sorted(
            file
            for file in path.rglob("*")
            if file.is_file() and not any(p.startswith(".") for p in file.relative_to(path).parts)
        )
    shard = _SHARD.fullmatch(path.name)
    if shard is None:
        path.stat()
        return [path]
    pattern = re.compile(rf"{re.escape(shard['stem'])}-\d{{5}}-of-{shard['total']}\.\w+")
    return sorted(file for file in path.parent.iterdir() if pattern.fullmatch(file.name))


def _why_unsettled(files: Iterable[Path], settle_s: float, now_s: float) -> str | None:
    """Look at both times: a copy may set back when the content changed, but not the other."""
    for file in files:
        if is_temporary(file.name):
            return f"{file.name} is temporary"
        info = file.stat()
        age_s = now_s - max(info.st_mtime, info.st_ctime)
        if age_s < settle_s:
            return f"{file.name} changed {max(age_s, 0):.0f} s ago, less than {settle_s:g} s"
    return None


def _why_lacking(folder: Path, files: list[Path]) -> str | None:
    """Look for what every folder of a checkpoint has, and what its indexes name."""
    weights = [file for file in files if file.suffix in _WEIGHTS]
    indexes = [file for file in files if fnmatch(file.name, _INDEX)]
    if not weights:
        return "it has no weights"
    configurations = [file for file in files if file.name in _CONFIGURATIONS]
    if not configurations and any(file.suffix != ".gguf" for file in weights):
        return "it has no config.json"
    for file in (*configurations, *indexes):
        if _read_object(file) is None:
            return f"{file.name} is no JSON object"
    for index in indexes:
        lacking = sorted(name for name in _named(index) if not _holds(folder / name))
        if lacking:
            return f"{index.name} names shards that are absent or empty: {name_first(lacking)}"
    return None


def _named(index: Path) -> set[str]:
    """Return the files that an index names."""
    shards = (_read_object(index) or {}).get("weight_map")
    if not isinstance(shards, dict):
        return set()
    return {str(name) for name in cast("dict[object, object]", shards).values()}


def _holds(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0


def _why_shards_lack(files: list[Path]) -> str | None:
    """Look for parts that the names of other parts promise; the index is written after them all."""
    names = {file.name for file in files}
    for file in files:
        shard = _SHARD.fullmatch(file.name)
        if shard is None:
            continue
        start, end = f"{shard['stem']}-", f"-of-{shard['total']}{shard['suffix']}"
        numbers = range(1, int(shard["total"]) + 1)
        lacking = [name for n in numbers if (name := f"{start}{n:05}{end}") not in names]
        if lacking:
            return f"shards are absent: {name_first(lacking)}"
    return None


def _why_broken(file: Path) -> str | None:
    """Look at the ends of a weights file: a file that was cut off has lost its own."""
    if file.suffix not in _WEIGHTS:
        return None
    size = file.stat().st_size
    with file.open("rb") as opened:
        start = opened.read(8)
        if file.suffix == ".safetensors":
            length = _LENGTH.unpack(start)[0] if len(start) == _LENGTH.size else _LONGEST_HEADER + 1
            header = opened.read(length) if length <= min(_LONGEST_HEADER, size) else b""
            return _why_no_safetensors(header, length, size)
    if not start:
        return "is empty"
    if file.suffix == ".gguf" and not start.startswith(_GGUF_MAGIC):
        return "does not start as a GGUF file"
    if start.startswith(_ZIP_MAGIC) and not zipfile.is_zipfile(file):
        return "is cut off: its directory is absent"
    return None


def _why_no_safetensors(header: bytes, length: int, size: int) -> str | None:
    """Compare the size of a file with what its header says: its tensors end where the file does."""
    content = _object(header)
    if len(header) < length or content is None:
        return "has no whole header"
    ends = [_end(tensor) for name, tensor in content.items() if name != "__metadata__"]
    if None in ends:
        return "has a header without offsets"
    expected = _LENGTH.size + length + max((end for end in ends if end is not None), default=0)
    return None if size == expected else f"has {size} bytes, its header says {expected}"


def _end(tensor: object) -> int | None:
    """Return where a tensor of a safetensors header ends; None for anything else."""
    offsets = cast("dict[str, object]", tensor).get("data_offsets") if _is_object(tensor) else None
    if not isinstance(offsets, list):
        return None
    last = cast("list[object]", offsets)[-1:]
    return last[0] if last and isinstance(last[0], int) else None


def _read_object(file: Path) -> Mapping[str, object] | None:
    return _object(file.read_bytes())


def _object(text: bytes) -> Mapping[str, object] | None:
    try:
        value = cast("object", json.loads(text))
    except (ValueError, RecursionError):
        return None
    return cast("Mapping[str, object]", value) if _is_object(value) else None


def _is_object(value: object) -> bool:
    return isinstance(value, dict)
