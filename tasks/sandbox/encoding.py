"""Writes values as skeleton nodes and buffers, inside the sandbox's child.

Imports nothing heavy: a value of a numpy, scipy or sympy type can only exist where the program has
imported that module. It also spares honest programs that patch numpy (`np.bool = bool`), after
which numpy's own late imports fail.
"""

import struct
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

from tasks.sandbox.frames import Node, OversizedError, Tag, UnshippableError
from tasks.sandbox.load import Load

# Kinds of numpy dtypes whose bytes are their value.
_RAW_KINDS = "biufcUSmM"
_NUMBER_KINDS = "biufc"
_COMPRESSED = ("csr", "csc", "bsr")
_PACKED_FROM = 16
_NODE_BYTES = 2
_INTEGER_BITS = 63
_CONTAINERS: tuple[tuple[type, Tag], ...] = (
    (list, Tag.LIST),
    (tuple, Tag.TUPLE),
    (frozenset, Tag.FROZENSET),
    (set, Tag.SET),
)


@dataclass(frozen=True, slots=True)
class _Key:
    """Place of a dict key, as against the value under it."""

    index: int

    def __repr__(self) -> str:
        return f"key number {self.index}"


class Encoder:
    """Writes the nodes of one frame and puts its buffers into the load."""

    def __init__(self, load: Load) -> None:
        self._load = load

    def encode(self, values: Sequence[object]) -> list[Node]:
        """Write every value; an object that fails on the way is unshippable."""
        try:
            return self._elements(values, enumerate(values))
        except (UnshippableError, OversizedError, MemoryError):
            raise
        except Exception as error:
            raise UnshippableError(
                f"a value{self._load.where()} does not let itself be read: {type(error).__name__}"
            ) from error

    def _node(self, value: object) -> Node:
        self._load.spend(_NODE_BYTES)
        if value is None or type(value) is bool or type(value) is float:
            return value
        if type(value) is int:
            return self._integer(value)
        if type(value) is str:
            return self._text(value)
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(value, numpy.ndarray):
            return self._array(value)
        if numpy is not None and isinstance(value, numpy.generic):
            return self._scalar(value)
        return self._basic(value)

    def _basic(self, value: object) -> Node:
        if isinstance(value, int):
            return self._integer(int.__index__(value))
        if isinstance(value, float):
            return float.__float__(value)
        if isinstance(value, complex):
            return [Tag.COMPLEX, value.real, value.imag]
        if isinstance(value, str):
            return self._text(str.__str__(value))
        if isinstance(value, bytes | bytearray):
            self._load.add_buffer(bytes(value))
            return [Tag.BYTES, len(value)]
        return self._container(value)

    def _container(self, value: object) -> Node:
        for kind, tag in _CONTAINERS:
            if isinstance(value, kind):
                items = cast("Sequence[object]", value)
                return self._packed(tag, items) or [tag, *self._elements(items, enumerate(items))]
        # Before dict, which one of the sparse classes is.
        if _is_sparse(value):
            return self._sparse(value)
        if isinstance(value, dict):
            return self._dict(cast("dict[object, object]", value))
        if isinstance(value, range):
            ends = (value.start, value.stop, value.step)
            return [Tag.RANGE, *(self._integer(number) for number in ends)]
        return self._foreign(value)

    def _dict(self, value: dict[object, object]) -> Node:
        return [Tag.DICT, *self._elements(value, _pairs(value))]

    def _foreign(self, value: Any) -> Node:
        sympy = sys.modules.get("sympy")
        if sympy is not None and isinstance(value, sympy.Symbol):
            return self._text(str(value.name))
        if sympy is not None and isinstance(value, sympy.Number):
            return self._integer(int(value)) if value.is_Integer else float(value)
        if _offers_array(value):
            import numpy as np

            return self._elements(value, [("__array__", np.asarray(value))])[0]
        raise self._load.refusal(value)

    def _elements(self, owner: object, items: Iterable[tuple[object, object]]) -> list[Node]:
        """Write what a container holds; each item comes with its place in the container."""
        self._load.enter(owner)
        nodes: list[Node] = []
        for place, item in items:
            self._load.move_to(place)
            nodes.append(self._node(item))
        self._load.leave(owner)
        return nodes

    def _packed(self, tag: Tag, items: Sequence[object]) -> list[Node] | None:
        if tag not in (Tag.LIST, Tag.TUPLE) or len(items) < _PACKED_FROM:
            return None
        kinds = {type(item) for item in items}
        code = "d" if kinds == {float} else "q" if kinds == {int} else None
        if code is None:
            return None
        self._load.require_room(8 * len(items))
        try:
            raw = struct.pack(f"<{len(items)}{code}", *items)
        except struct.error:
            return None
        self._load.add_buffer(raw)
        return [Tag.PACKED, tag, code, len(items)]

    def _integer(self, value: int) -> Node:
        if value.bit_length() <= _INTEGER_BITS:
            return value
        # Decimal text of long integers is slow, and refused beyond 4300 digits.
        self._load.spend(value.bit_length() // 4)
        return [Tag.INTEGER, hex(value)]

    def _text(self, value: str) -> Node:
        self._load.spend(len(value))
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raw = value.encode("utf-8", "surrogatepass")
            self._load.add_buffer(raw)
            return [Tag.TEXT, len(raw)]
        return value

    def _scalar(self, value: Any) -> Node:
        import numpy as np

        if isinstance(value, str):
            return self._text(str(value))
        if isinstance(value, bytes):
            self._load.add_buffer(bytes(value))
            return [Tag.BYTES, len(value)]
        node = self._array(np.asarray(value))
        if isinstance(node, list) and node[0] == Tag.ARRAY:
            return [Tag.SCALAR, node[1]]
        return node

    def _array(self, value: Any) -> Node:
        import numpy as np

        masked = sys.modules.get("numpy.ma")
        if masked is not None and masked.isMaskedArray(value):
            parts = (("data", masked.getdata(value)), ("mask", masked.getmaskarray(value)))
            return [Tag.MASKED, *self._elements(value, parts)]
        plain = np.asarray(value)
        if plain.dtype.names:
            return self._records(plain)
        if plain.dtype.kind in "OT":
            flat = plain.astype(object).reshape(-1).tolist()
            return [Tag.OBJECTS, list(plain.shape), *self._elements(value, enumerate(flat))]
        if plain.dtype.kind not in _RAW_KINDS:
            raise self._load.refusal(value, f" of dtype {plain.dtype}")
        return self._raw(_double(plain))

    def _raw(self, value: Any) -> Node:
        import numpy as np

        self._load.require_room(value.nbytes)
        if value.dtype.itemsize == 0:
            value = value.astype(f"{value.dtype.kind}1")
        flat = np.ascontiguousarray(value).reshape(-1)
        self._load.add_buffer(flat.view(np.uint8).data if flat.size else b"")
        return [Tag.ARRAY, value.dtype.str, list(value.shape)]

    def _records(self, value: Any) -> Node:
        fields = [(name, value[name]) for name in value.dtype.names]
        nodes = self._elements(value, fields)
        names = (self._text(name) for name, _ in fields)
        return [Tag.RECORDS, list(value.shape), *chain(*zip(names, nodes, strict=True))]

    def _sparse(self, value: Any) -> Node:
        if value.dtype.kind not in _NUMBER_KINDS:
            raise self._load.refusal(value, f" of dtype {value.dtype}")
        kind: str = value.format if value.format in _COMPRESSED and value.ndim == 2 else "coo"
        parts = _coordinates(value) if kind == "coo" else _compressed(value)
        is_array = isinstance(value, sys.modules["scipy.sparse"].sparray)
        shape: list[Node] = [int(length) for length in value.shape]
        return [Tag.SPARSE, kind, is_array, shape, *self._elements(value, enumerate(parts))]


def _pairs(value: Mapping[object, object]) -> Iterable[tuple[object, object]]:
    for index, (key, item) in enumerate(value.items()):
        yield _Key(index), key
        yield key, item


def _double(value: Any) -> Any:
    """Bring extended precision down to what every machine has."""
    import numpy as np

    widest = {"f": np.dtype("f8"), "c": np.dtype("c16")}.get(value.dtype.kind)
    if widest is None or value.dtype.itemsize <= widest.itemsize:
        return value
    with np.errstate(all="ignore"):
        return value.astype(widest)


def _compressed(value: Any) -> tuple[Any, ...]:
    # The arrays may have spare room at their ends.
    used = int(value.indptr[-1])
    return value.data[:used], value.indices[:used], value.indptr


def _coordinates(value: Any) -> tuple[Any, ...]:
    coo = value.tocoo()
    return coo.data, *getattr(coo, "coords", (coo.row, coo.col) if value.ndim == 2 else ())


def _is_sparse(value: object) -> bool:
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and sparse.issparse(value)


def _offers_array(value: object) -> bool:
    return hasattr(type(value), "__array__")
