"""Names what a group of a target file holds, whatever HDF5 made of it on the disk.

Names, kinds, dtypes, shapes and raw contents count, in the order in which the reader meets them;
chunks, compression and the order in which a file was written do not. Contents are read in slices,
so that a target of 128 MB is never whole in memory; only what HDF5 itself cannot divide (a
compressed chunk, one text of varying length) may be larger.
"""

import hashlib
import math
from collections.abc import Generator
from typing import Protocol, TypeAlias, cast

import h5py  # pyright: ignore[reportMissingTypeStubs] - it ships none; Group and _Dataset stand in
import numpy as np

from tasks.target_layout import Array, Group, as_group

SLICE_BYTES = 16 * 2**20
# Of a text of varying length only the pointer's size is known before it is read.
_TEXT_BYTES = 1024
_LENGTH_BYTES = 8

_Index: TypeAlias = tuple[int | slice, ...]


class _Hasher(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...
    def hexdigest(self) -> str: ...


class _Dataset(Protocol):
    """The part of h5py's Dataset that is used here, with types."""

    shape: tuple[int, ...] | None
    dtype: np.dtype[np.generic]

    def __getitem__(self, index: _Index) -> object: ...


def digest_group(group: Group) -> str:
    """Name all that a group holds: a sha256, in hex.

    Raises:
        ValueError: it holds something that no target is made of.
    """
    hasher = hashlib.sha256()
    _add_group(hasher, group)
    return hasher.hexdigest()


def _add_group(hasher: _Hasher, group: Group) -> None:
    names = list(group)
    _add_text(hasher, f"group of {len(names)}")
    for name in names:
        _add_text(hasher, name)
        node = group[name]
        inner = as_group(node)
        if inner is None:
            _add_dataset(hasher, cast(_Dataset, node), name)
        else:
            _add_group(hasher, inner)


def _add_dataset(hasher: _Hasher, dataset: _Dataset, name: str) -> None:
    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"{name} is neither a group nor a dataset")
    kind, shape = _kind(dataset.dtype, name), dataset.shape
    _add_text(hasher, f"dataset {kind} {shape}")
    if shape is None:
        return
    item_bytes = max(dataset.dtype.itemsize, _TEXT_BYTES if dataset.dtype.hasobject else 1)
    for index in _slices(shape, item_bytes):
        part = cast(Array, np.asarray(dataset[index]))
        if part.dtype.hasobject:
            for item in cast(list[bytes | str], part.ravel().tolist()):
                _add(hasher, item.encode() if isinstance(item, str) else bytes(item))
        elif part.size:
            hasher.update(np.ascontiguousarray(part).reshape(-1).view(np.uint8).data)


def _kind(dtype: np.dtype[np.generic], name: str) -> str:
    """Describe a dtype, with what numpy's own name leaves out: the encoding of texts, fields."""
    text = h5py.check_string_dtype(dtype)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - no stubs
    if text is not None:
        return f"text {text.encoding} {text.length}"  # pyright: ignore[reportUnknownMemberType] - no stubs
    if dtype.hasobject:
        raise ValueError(f"{name} is of {dtype}, which is neither numbers nor text")
    return dtype.str if dtype.names is None and dtype.subdtype is None else str(dtype)


def _slices(shape: tuple[int, ...], item_bytes: int) -> Generator[_Index]:
    """Cut a dataset, in the order of its items, into parts of at most `SLICE_BYTES`."""
    if not shape:
        yield ()
        return
    row_bytes = item_bytes * math.prod(shape[1:])
    if row_bytes > SLICE_BYTES:
        for row in range(shape[0]):
            for rest in _slices(shape[1:], item_bytes):
                yield (row, *rest)
        return
    rows = SLICE_BYTES // max(row_bytes, 1)
    for start in range(0, shape[0], rows):
        yield (slice(start, start + rows),)


def _add_text(hasher: _Hasher, text: str) -> None:
    _add(hasher, text.encode("utf-8", "surrogateescape"))


def _add(hasher: _Hasher, data: bytes) -> None:
    """Add a part of varying length, with its length, so that no two sequences of parts agree."""
    hasher.update(len(data).to_bytes(_LENGTH_BYTES, "big"))
    hasher.update(data)
