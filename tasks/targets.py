"""Targets: the expected values of cases, kept in SciCode's HDF5 layout.

`<step_id>/test<k>` holds one variable, or several for a tuple. A variable is a dataset, or a group:
`list`, `sparse_matrix` (coo, bsr, else csr), or a dict, whose keys become float where they parse.
Readers depend on HDF5's alphabetical order of names, so numbers are padded from ten on. A group
without variables is a case without target.
"""

import os
import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, Self, TypeAlias, cast

import h5py  # pyright: ignore[reportMissingTypeStubs] - it ships none; _Group stands in
import numpy as np
from scipy import sparse

from tasks.core.errors import TargetError
from tasks.core.records import Problem, Scored

LIST = "list"
SPARSE = "sparse_matrix"

_CASE = re.compile(r"test[1-9][0-9]*")
_NAMED = 5
_SPARSE_FIELDS = {"coo": ("row", "col"), "bsr": ("indices", "indptr", "blocksize")}
_TEXT = cast(object, h5py.string_dtype())  # pyright: ignore[reportUnknownMemberType] - no stubs
_READ_ERRORS = (OSError, KeyError, RuntimeError, ValueError, TypeError)


_Array: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.generic]]


class _Group(Protocol):
    """The part of h5py's Group that is used here, with types."""

    def __iter__(self) -> Iterator[str]: ...
    def __getitem__(self, name: str) -> object: ...
    def get(self, name: str) -> object: ...
    def create_group(self, name: str) -> "_Group": ...
    def create_dataset(self, name: str, *, data: object, dtype: object = None) -> object: ...


class TargetFile:
    """The targets of one file, behind one read-only handle; close it, or use it with `with`."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            TargetError: it is missing, truncated or not HDF5.
        """
        self._path = path
        self._file = _open(path)
        self._root = cast(_Group, self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the handle."""
        self._file.close()

    def case_counts(self) -> dict[str, int]:
        """Count the cases of every sub-step in the file."""
        with _readable(self._path, "its groups"):
            steps = {name: _as_group(self._root.get(name)) for name in self._root}
            return {
                name: sum(bool(_CASE.fullmatch(case)) for case in step)
                for name, step in steps.items()
                if step is not None
            }

    def read(self, step_id: str, case_number: int) -> object:
        """Read the target of one case, numbered from 1; None if the case has no target.

        Raises:
            TargetError: there is no such case, or its values cannot be read.
        """
        name = f"{step_id}/test{case_number}"
        with _readable(self._path, name):
            case = _as_group(self._root.get(name))
            if case is not None:
                return _decode_case(case)
        raise TargetError(
            f"{self._path}: expected a target at {name}, found none; check that the file matches "
            "the dataset release"
        )


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
                step = cast(_Group, file).create_group(step_id)
                for number, target in enumerate(cases, start=1):
                    case = step.create_group(f"test{number}")
                    _write_case(case, target, f"the target of {step_id}, case {number}")
        unfinished.replace(path)
    except OSError as error:
        expected = "expected to write targets there"
        raise TargetError(f"{path}: {expected}, found: {error}; check the folder") from error
    finally:
        unfinished.unlink(missing_ok=True)


def check_targets(path: Path, problems: Iterable[Problem], scored: Scored) -> frozenset[str]:
    """Check that the targets fit the problems, and return the ids of the sub-steps to score.

    Raises:
        TargetError: a scored sub-step has no targets or not one for each case, or none is left.
    """
    with TargetFile(path) as file:
        counts = file.case_counts()
    cases = {step.step_id: len(step.cases) for p in problems for step in p.sub_steps if step.cases}
    absent = [step_id for step_id in cases if step_id not in counts]
    wrong = [step_id for step_id, count in cases.items() if counts.get(step_id, count) != count]
    if wrong:
        raise TargetError(
            f"{path}: expected {cases[wrong[0]]} targets for {wrong[0]}, one for each case, found "
            f"{counts[wrong[0]]} (wrong number for {_first(wrong)}); check that the file matches "
            "the dataset release"
        )
    if len(absent) == len(cases) or (absent and scored is Scored.ALL):
        restrict = f", or score only those that have them (`--scored {Scored.WITH_TARGETS}`)"
        raise TargetError(
            f"{path}: expected targets for {len(cases)} scored sub-steps, found none for "
            f"{_first(absent) or 'any'}; check that the file matches the dataset release"
            + (restrict if len(absent) < len(cases) else "")
        )
    return frozenset(cases).difference(absent)


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _open(path: Path) -> h5py.File:
    try:
        path.open("rb").close()  # the system's message for a missing file is the clearer one
        return h5py.File(path, "r")
    except OSError as error:
        found = "a file that is not HDF5" if "signature not found" in str(error) else f"{error}"
        raise TargetError(
            f"{path}: expected a whole HDF5 file of targets, found {found}; fetch it with "
            "`scicode-flows prepare`, or derive it with `scicode-flows targets`"
        ) from error


@contextmanager
def _readable(path: Path, name: str) -> Generator[None]:
    try:
        yield
    except _READ_ERRORS as error:
        raise TargetError(
            f"{path}: expected readable values at {name}, found: {error}; the file may be "
            "damaged, so fetch or derive it again"
        ) from error


def _as_group(node: object) -> _Group | None:
    return cast(_Group, node) if isinstance(node, h5py.Group) else None


def _decode_case(case: _Group) -> object:
    values = tuple(_decode(case[name]) for name in case)
    return values if len(values) > 1 else next(iter(values), None)


def _decode(node: object) -> object:
    group = _as_group(node)
    if group is None:
        return _decode_dataset(cast(h5py.Dataset, node))
    names = list(group)
    only = _as_group(group[names[0]]) if len(names) == 1 else None
    if only is not None and names == [LIST]:
        return [_decode(only[name]) for name in only]
    if only is not None and names == [SPARSE]:
        return _decode_sparse({name: np.asarray(_decode(only[name])) for name in only})
    return {_decode_key(name): _decode(group[name]) for name in names}


def _decode_dataset(node: h5py.Dataset) -> object:
    value = cast(object, node[()])
    if isinstance(value, bytes):
        return value.decode()
    if not isinstance(value, np.ndarray) or cast(_Array, value).dtype.kind not in "OS":
        return cast(object, value)
    array = cast(_Array, value)
    texts = [bytes(item).decode() for item in cast(list[bytes], array.ravel().tolist())]
    return np.array(texts, dtype=np.str_).reshape(array.shape)


def _decode_key(name: str) -> str | float:
    try:
        return float(name)
    except ValueError:
        return name


def _decode_sparse(parts: Mapping[str, np.ndarray]) -> object:
    data = parts["data"]
    shape = (int(parts["shape"][0]), int(parts["shape"][1]))
    if "row" in parts and "col" in parts:
        return sparse.coo_matrix((data, (parts["row"], parts["col"])), shape=shape)
    compressed = (data, parts["indices"], parts["indptr"])
    if "blocksize" in parts:
        block = (int(parts["blocksize"][0]), int(parts["blocksize"][1]))
        return sparse.bsr_matrix(compressed, shape=shape, blocksize=block)
    return sparse.csr_matrix(compressed, shape=shape)


def _write_case(case: _Group, target: object, where: str) -> None:
    if target is None:
        return
    values = cast(tuple[object, ...], target) if isinstance(target, tuple) else (target,)
    if isinstance(target, tuple) and len(values) < 2:
        raise _refusal(where, "a tuple of at least two values", f"a tuple of {len(values)}")
    for name, value in zip(_names(len(values)), values, strict=True):
        _write_variable(case, name, value, f"{where}, {name}")


def _write_variable(parent: _Group, name: str, value: object, where: str) -> None:
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


def _write_dict(group: _Group, values: Mapping[object, object], where: str) -> None:
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
    if isinstance(plain, bool) or not held or _decode_key(name) != plain:
        raise _refusal(where, "numbers, or names that are no number, as keys", repr(key))
    return name


def _write_leaf(group: _Group, name: str, value: object, where: str) -> None:
    try:
        array = cast(_Array, np.asarray(value))
        is_text = array.dtype.kind == "U" and isinstance(value, str | np.ndarray)
        if isinstance(value, np.ma.MaskedArray) or not (is_text or array.dtype.kind in "biufc"):
            raise ValueError(f"{type(cast(object, value)).__name__} of {array.dtype}")
        data, dtype = (array.astype(object), _TEXT) if is_text else (array, array.dtype)
        group.create_dataset(name, data=data, dtype=dtype)
    except (ValueError, TypeError) as error:
        raise _refusal(where, "an array, a number or a text", f"{error}") from error


def _write_sparse(parent: _Group, value: sparse.coo_array, where: str) -> None:
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
