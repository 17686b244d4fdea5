"""The layout of target files, which reading, writing and hashing share.

`<step_id>/test<k>` holds one variable, or several for a tuple. A variable is a dataset, or a group:
`list`, `sparse_matrix` (coo, bsr, else csr), or a dict, whose keys become float where they parse.
Readers depend on HDF5's alphabetical order of names, so numbers are padded from ten on. A group
without variables is a case without target.
"""

from collections.abc import Iterator
from typing import Protocol, TypeAlias, cast

import h5py  # pyright: ignore[reportMissingTypeStubs] - it ships none; Group stands in
import numpy as np

LIST = "list"
SPARSE = "sparse_matrix"

Array: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.generic]]


class Group(Protocol):
    """The part of h5py's Group that is used here, with types."""

    def __iter__(self) -> Iterator[str]: ...
    def __getitem__(self, name: str) -> object: ...
    def get(self, name: str) -> object: ...
    def create_group(self, name: str) -> "Group": ...
    def create_dataset(self, name: str, *, data: object, dtype: object = None) -> object: ...


def as_group(node: object) -> Group | None:
    """Answer with the node if it is a group."""
    return cast(Group, node) if isinstance(node, h5py.Group) else None


def decode_key(name: str) -> str | float:
    """Read the key of a dict: a number where it parses as one."""
    try:
        return float(name)
    except ValueError:
        return name
