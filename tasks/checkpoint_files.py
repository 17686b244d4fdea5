"""prompt -> generation: names the weights behind a served model by the checkpoint's own files.

A checkpoint that is trained on keeps its name, so its name is no identity. What is small (the
configuration, the index, the tokenizer, the chat template) is read; weights count by name, size and
time, since reading hundreds of gigabytes takes longer than many evaluations.
"""

import hashlib
import json
import os
import re
import stat
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NoReturn

from tasks.core.errors import ConfigError

_PREFIX = "files:"
_WEIGHTS = frozenset(
    ".safetensors .bin .gguf .ggml .pt .pth .ckpt .distcp .npz .npy .h5 .onnx .msgpack .engine "
    ".plan .pdparams .tflite".split()
)
_READERS = 8
# llama.cpp is given the first of them and reads them all.
_SPLIT_GGUF = re.compile(r"(?P<stem>.+)-\d{5}-of-(?P<total>\d{5})\.gguf")


def identify_checkpoint(path: Path, *, hash_weights: bool) -> str:
    """Name a checkpoint by all files in its folder, or by its one file.

    Hidden files are left out, and so is the folder's own name: a copy that keeps the times is the
    same checkpoint. A link to a file stands for that file, as in a hub's cache.

    Args:
        path: the folder or file that is served.
        hash_weights: read the weights too, so that times do not matter.

    Raises:
        ConfigError: it is absent, cannot be read or has no files, or links to a folder elsewhere.
    """
    try:
        names = sorted(_files(path))
        if not names:
            _refuse(path, "no files", "give the folder that holds its weights and config.json")
        base = path if path.is_dir() else path.parent
        content = partial(_content, hash_weights=hash_weights)
        with ThreadPoolExecutor(_READERS) as pool:
            contents = list(pool.map(content, [base / name for name in names]))
    except OSError as error:
        raise ConfigError(
            f"checkpoint {path}: expected files that can be read, found {error.filename}: "
            f"{error.strerror}; give the folder or file that the model server loads"
        ) from error
    listed = "\n".join(json.dumps(pair) for pair in zip(names, contents, strict=True))
    return _PREFIX + hashlib.sha256(listed.encode()).hexdigest()


def _files(path: Path) -> list[str]:
    """Name the files of a checkpoint, relative to its folder; raises `OSError`."""
    if path.is_dir():
        return list(_files_below(path))
    path.stat()
    if not path.is_file():
        _refuse(path, "neither a folder nor a file", "give what the model server loads")
    split = _SPLIT_GGUF.fullmatch(path.name)
    if split is None:
        return [path.name]
    siblings = re.compile(rf"{re.escape(split['stem'])}-\d{{5}}-of-{split['total']}\.gguf")
    return [entry.name for entry in path.parent.iterdir() if siblings.fullmatch(entry.name)]


def _files_below(folder: Path) -> Generator[str]:
    for place, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in folders:
            _check_link(folder, Path(place, name))
        for name in files:
            path = Path(place, name)
            if not name.startswith(".") and stat.S_ISREG(path.stat().st_mode):
                yield path.relative_to(folder).as_posix()


def _raise(error: OSError) -> NoReturn:
    raise error


def _check_link(folder: Path, inner: Path) -> None:
    """Refuse a link to a folder elsewhere: weights there would not be part of the identity."""
    if inner.is_symlink() and not inner.resolve().is_relative_to(folder.resolve()):
        found = f"{inner.relative_to(folder)}, a link to the folder {inner.resolve()}"
        _refuse(folder, found, "give a folder that holds everything itself, or links to files")


def _content(path: Path, *, hash_weights: bool) -> list[str | int]:
    if path.suffix.lower() in _WEIGHTS and not hash_weights:
        info = path.stat()
        return [info.st_size, info.st_mtime_ns]
    with path.open("rb") as file:
        return [hashlib.file_digest(file, "sha256").hexdigest()]


def _refuse(path: Path, found: str, advice: str) -> NoReturn:
    raise ConfigError(f"checkpoint {path}: expected its files, found {found}; {advice}")
