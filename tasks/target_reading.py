"""Decodes the target of one case from its group; the inverse of `tasks.target_writing`."""

from collections.abc import Mapping
from typing import Protocol, cast

import h5py  # pyright: ignore[reportMissingTypeStubs] - it ships none; Group stands in
import numpy as np
from scipy import sparse

from tasks.target_layout import LIST, SPARSE, Array, Group, as_group, decode_key

_SMALL = 100


def decode_case(case: Group) -> object:
    """Decode all variables of a case: one value, a tuple of several, or None without any."""
    values = tuple(_decode(case[name]) for name in case)
    return values if len(values) > 1 else next(iter(values), None)


def is_small_literal(case: Group) -> bool:
    """Tell whether a case's target is one truth value, or one integer of at most two digits."""
    nodes = [case[name] for name in case]
    if len(nodes) != 1 or as_group(nodes[0]) is not None:
        return False
    node = cast(_Dataset, nodes[0])
    # Of a larger one, not even the content is read.
    if node.shape != () or node.dtype.kind not in "biu":
        return False
    return abs(int(cast(int, node[()]))) < _SMALL


class _Dataset(Protocol):
    """The part of h5py's Dataset that is used here, with types."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]

    def __getitem__(self, place: object) -> object: ...


def _decode(node: object) -> object:
    group = as_group(node)
    if group is None:
        return _decode_dataset(cast(h5py.Dataset, node))
    names = list(group)
    only = as_group(group[names[0]]) if len(names) == 1 else None
    if only is not None and names == [LIST]:
        return [_decode(only[name]) for name in only]
    if only is not None and names == [SPARSE]:
        return _decode_sparse({name: np.asarray(_decode(only[name])) for name in only})
    return {decode_key(name): _decode(group[name]) for name in names}


def _decode_dataset(node: h5py.Dataset) -> object:
    value = cast(object, node[()])
    if isinstance(value, bytes):
        return value.decode()
    if not isinstance(value, np.ndarray) or cast(Array, value).dtype.kind not in "OS":
        return cast(object, value)
    array = cast(Array, value)
    texts = [bytes(item).decode() for item in cast(list[bytes], array.ravel().tolist())]
    return np.array(texts, dtype=np.str_).reshape(array.shape)


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
