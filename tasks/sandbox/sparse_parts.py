"""Builds a sparse matrix from components that anyone may have written.

scipy trusts index arrays: an index out of range makes its compiled code read and write beyond the
data. So each one is checked here, before scipy sees it.
"""

import importlib
from dataclasses import dataclass
from typing import Any

from tasks.sandbox.frames import FrameError

_NUMBER_KINDS = "biufc"


@dataclass(frozen=True, slots=True)
class SparseParts:
    """A sparse matrix taken apart: data, indices, indptr; or data and one array per axis."""

    format: str
    is_array: bool
    shape: tuple[int, ...]
    arrays: tuple[Any, ...]


def build_sparse(parts: SparseParts) -> object:
    """Put the components together again.

    Raises:
        FrameError: they do not fit each other or the shape.
    """
    sparse = importlib.import_module("scipy.sparse")

    if any(array.dtype.kind not in _NUMBER_KINDS for array in parts.arrays):
        raise FrameError("a sparse matrix holds numbers")
    name = f"{parts.format}_{'array' if parts.is_array else 'matrix'}"
    if parts.format == "coo":
        return getattr(sparse, name)(_checked_coordinates(parts), shape=parts.shape)
    if parts.format in ("csr", "csc", "bsr"):
        return getattr(sparse, name)(_checked_compressed(parts), shape=parts.shape)
    raise FrameError(f"unknown sparse format {parts.format[:20]!r}")


def _checked_coordinates(parts: SparseParts) -> tuple[Any, tuple[Any, ...]]:
    data, *coordinates = parts.arrays
    if len(coordinates) != len(parts.shape) or not coordinates or data.ndim != 1:
        raise FrameError(f"{len(coordinates)} axes for the sparse shape {parts.shape}")
    for indices, length in zip(coordinates, parts.shape, strict=True):
        _require_indices(indices, len(data), length)
    return data, tuple(coordinates)


def _checked_compressed(parts: SparseParts) -> tuple[Any, Any, Any]:
    data, indices, indptr = parts.arrays
    rows, columns = parts.shape
    if parts.format == "csc":
        rows, columns = columns, rows
    if parts.format == "bsr":
        rows, columns = _blocks(data, rows, columns)
    elif data.ndim != 1:
        raise FrameError(f"sparse data of {data.ndim} dimensions")
    _require_indices(indices, len(data), columns)
    _require_indices(indptr, rows + 1, len(indices) + 1)
    if indptr[0] != 0 or indptr[-1] != len(indices) or (indptr[1:] < indptr[:-1]).any():
        raise FrameError("row starts that do not lead from 0 to the number of entries")
    return data, indices, indptr


def _blocks(data: Any, rows: int, columns: int) -> tuple[int, int]:
    if data.ndim != 3 or not data.shape[1] or not data.shape[2]:
        raise FrameError(f"sparse blocks of shape {data.shape}")
    if rows % data.shape[1] or columns % data.shape[2]:
        raise FrameError(f"blocks of shape {data.shape[1:]} do not fill {rows} x {columns}")
    return rows // data.shape[1], columns // data.shape[2]


def _require_indices(indices: Any, count: int, bound: int) -> None:
    """Check that `indices` are `count` integers from 0 to below `bound`."""
    if indices.dtype.kind != "i" or indices.shape != (count,):
        raise FrameError(f"expected {count} indices, found {indices.dtype} of {indices.shape}")
    if count and not (indices.min() >= 0 and indices.max() < bound):
        raise FrameError(f"an index outside 0 to {bound - 1}")
