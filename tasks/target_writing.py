"""Writes targets in SciCode's layout, and refuses values that it would change."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import h5py  # pyright: ignore[reportMissingTypeStubs] - it ships none; Group stands in
import numpy as np
from scipy import sparse

from tasks.core.errors import TargetError
from tasks.target_layout import LIST, SPARSE, Array, Group, decode_key

_SPARSE_FIELDS = {"coo": ("row", "col"), "bsr": ("indices", "indptr", "blocksize")}
_TEXT = cast(object, h5py.string_dtype())  # pyright: ignore[reportUnknownMemberType] - no stubs


def write_targets(path: Path, targets: Mapping[str, Sequence[object]]) -> None:
    """Write the targets of every sub-step's cases, in order, replacing the file at once.

    Sequences inside a variable read back as lists, sparse formats other than coo and bsr as csr.

    Raises:
        TargetError: a value does not fit the layout, or the file cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with h5py.File(unfinished, "w") as file:
            for step_id, cases in targets.items():
                step = cast(Group, file).create_group(step_id)
                for number, target in enumerate(cases, start=1):
                    case = step.create_group(f"test{number}")
                    _write_case(case, target, f"the target of {step_id}, case {number}")
        unfinished.replace(path)
    except OSError as error:
        expected = "expected to write targets there"
        raise TargetError(f"{path}: {expected}, found: {error}; check the folder") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _write_case(case: Group, target: object, where: str) -> None:
    if target is None:
        return
    values = cast(tuple[object, ...], target) if isinstance(target, tuple) else (target,)
    if isinstance(target, tuple) and len(values) < 2:
        raise _refusal(where, "a tuple of at least two values", f"a tuple of {len(values)}")
    for name, value in zip(_names(len(values)), values, strict=True):
        _write_variable(case, name, value, f"{where}, {name}")


def _write_variable(parent: Group, name: str, value: object, where: str) -> None:
    if sparse.issparse(value):
        _write_sparse(parent.create_group(name), cast(sparse.coo_array, value), where)
    elif isinstance(value, dict):
        _write_dict(parent.create_group(name), cast(dict[object, object], value), where)
    elif isinstance(value, list | tuple):
        items = cast(Sequence[object], value)
        group = parent.create_group(name).create_group(LIST)
        for item_name, item in zip(_names(len(items)), items, strict=True):
            _write_leaf(group, item_name, item, f"{where}, item {item_name[3:]}")
    else:
        _write_leaf(parent, name, value, where)


def _names(count: int) -> list[str]:
    width = len(str(count))
    return [f"var{number:0{width}d}" for number in range(1, count + 1)]


def _write_dict(group: Group, values: Mapping[object, object], where: str) -> None:
    for key, value in values.items():
        name, inside = _key_name(key, where), f"{where}, key {key!r}"
        if sparse.issparse(value):
            _write_sparse(group.create_group(name), cast(sparse.coo_array, value), inside)
        else:
            _write_leaf(group, name, value, inside)


def _key_name(key: object, where: str) -> str:
    plain = cast(object, getattr(key, "item", lambda: key)())
    name = plain if isinstance(plain, str) else repr(plain)
    held = name not in {"", ".", LIST, SPARSE} and "/" not in name and "\0" not in name
    if isinstance(plain, bool) or not held or decode_key(name) != plain:
        raise _refusal(where, "numbers, or names that are no number, as keys", repr(key))
    return name


def _write_leaf(group: Group, name: str, value: object, where: str) -> None:
    try:
        array = cast(Array, np.asarray(value))
        is_text = array.dtype.kind == "U" and isinstance(value, str | np.ndarray)
        if isinstance(value, np.ma.MaskedArray) or not (is_text or array.dtype.kind in "biufc"):
            raise ValueError(f"{type(cast(object, value)).__name__} of {array.dtype}")
        data, dtype = (array.astype(object), _TEXT) if is_text else (array, array.dtype)
        group.create_dataset(name, data=data, dtype=dtype)
    except (ValueError, TypeError) as error:
        raise _refusal(where, "an array, a number or a text", f"{error}") from error


def _write_sparse(parent: Group, value: sparse.coo_array, where: str) -> None:
    if value.ndim != 2:
        raise _refusal(where, "a sparse matrix", f"{value.ndim} dimensions")
    layout: str = value.format
    matrix: object = value if layout in _SPARSE_FIELDS else value.tocsr()
    group = parent.create_group(SPARSE)
    for field in ("data", "shape", *_SPARSE_FIELDS.get(layout, ("indices", "indptr"))):
        group.create_dataset(field, data=np.asarray(getattr(matrix, field)))


def _refusal(where: str, expected: str, found: str) -> TargetError:
    return TargetError(
        f"{where}: expected {expected}, found {found}; return such a value from the gold code, or "
        "reduce it in the case to one that the HDF5 layout holds"
    )
