"""Reads skeleton nodes and buffers that anyone may have written, on the judge's side.

Every number is checked before it sizes, indexes or counts anything, and an element costs the
writer at least a byte: decoding never needs much more room than the frame. A range costs nothing
to ship, so the elements of all ranges are counted.
"""

import math
import re
import struct
from collections.abc import Callable
from typing import Any, TypeAlias, cast

from tasks.sandbox.frames import MAX_DEPTH, FrameError, Tag
from tasks.sandbox.sparse_parts import SparseParts, build_sparse

_DTYPE = re.compile(
    r"\|b1|\|[iu]1|[<>](?:[iu][248]|f[248]|c8|c16|U[1-9]\d{0,9})|\|S[1-9]\d{0,9}"
    r"|[<>][mM]8(?:\[\d{0,6}(?:Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\])?"
)
_MAX_CODE_POINT = 0x10FFFF
_MAX_DIMENSIONS = 64
_MAX_LENGTH = 2**62
# All ranges of a frame together: numpy expands one to an object and a number for each element.
_MAX_RANGE_ELEMENTS = 2**20

_Reader: TypeAlias = "Callable[[list[object]], object]"


class Decoder:
    """Reads the values of one frame."""

    def __init__(self, buffers: memoryview) -> None:
        self._rest = buffers
        self._depth = 0
        self._range_elements = 0
        self._readers: dict[object, _Reader] = {
            Tag.INTEGER: self._integer,
            Tag.COMPLEX: self._complex,
            Tag.TEXT: self._text,
            Tag.BYTES: self._bytes,
            Tag.LIST: self._values,
            Tag.TUPLE: lambda rest: tuple(self._values(rest)),
            Tag.SET: lambda rest: set(self._values(rest)),
            Tag.FROZENSET: lambda rest: frozenset(self._values(rest)),
            Tag.DICT: self._dict,
            Tag.RANGE: self._range,
            Tag.PACKED: self._packed,
            Tag.ARRAY: self._array,
            Tag.SCALAR: lambda rest: self._array([*rest, []])[()],
            Tag.OBJECTS: self._objects,
            Tag.RECORDS: self._records,
            Tag.MASKED: self._masked,
            Tag.SPARSE: self._sparse,
        }

    def decode(self, skeleton: list[object]) -> list[object]:
        """Read every value; the buffers must then be used up."""
        values = self._values(skeleton)
        if self._rest:
            raise FrameError(f"{len(self._rest)} bytes are left after the last value")
        return values

    def _value(self, node: object) -> object:
        if node is None or isinstance(node, bool | int | float | str):
            return node
        if not isinstance(node, list):
            raise FrameError(f"a node is of type {type(node).__name__}")
        tag, *rest = cast("list[object]", node) or [None]
        reader = self._readers.get(tag) if isinstance(tag, str) else None
        if reader is None:
            raise FrameError(f"unknown tag {str(tag)[:20]!r}")
        # One level more than the encoder counts: there a plain array is no container.
        if self._depth > MAX_DEPTH + 1:
            raise FrameError(f"nested deeper than {MAX_DEPTH} levels")
        self._depth += 1
        value = reader(rest)
        self._depth -= 1
        return value

    def _values(self, nodes: list[object]) -> list[object]:
        return [self._value(node) for node in nodes]

    def _take(self, size: int) -> memoryview:
        if size > len(self._rest):
            raise FrameError(f"a buffer of {size} bytes, where {len(self._rest)} are left")
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def _integer(self, rest: list[object]) -> int:
        (text,) = rest
        return int(_of(str, text), 16)

    def _complex(self, rest: list[object]) -> complex:
        real, imaginary = rest
        return complex(_of(float, real), _of(float, imaginary))

    def _text(self, rest: list[object]) -> str:
        (size,) = rest
        return bytes(self._take(_length(size))).decode("utf-8", "surrogatepass")

    def _bytes(self, rest: list[object]) -> bytes:
        (size,) = rest
        return bytes(self._take(_length(size)))

    def _dict(self, rest: list[object]) -> dict[object, object]:
        values = self._values(rest)
        return dict(zip(values[::2], values[1::2], strict=True))

    def _range(self, rest: list[object]) -> range:
        start, stop, step = (_of(int, self._value(node)) for node in rest)
        numbers = range(start, stop, step)
        # Not its len, which fails beyond the size of a machine word.
        self._range_elements += (numbers[-1] - start) // step + 1 if numbers else 0
        if self._range_elements > _MAX_RANGE_ELEMENTS:
            raise FrameError(f"ranges of more than {_MAX_RANGE_ELEMENTS} elements in all")
        return numbers

    def _packed(self, rest: list[object]) -> object:
        kind, code, count = rest
        if kind not in (Tag.LIST, Tag.TUPLE) or code not in ("d", "q"):
            raise FrameError("a packed sequence is a list or tuple of floats or integers")
        raw = self._take(_length(count) * 8)
        numbers: tuple[object, ...] = struct.unpack(f"<{count}{code}", raw)
        return list(numbers) if kind == Tag.LIST else numbers

    def _array(self, rest: list[object]) -> Any:
        import numpy as np

        name, lengths = rest
        shape = _shape(lengths)
        if not _DTYPE.fullmatch(_of(str, name)):
            raise FrameError(f"dtype {name!r} does not cross the boundary")
        dtype = np.dtype(_of(str, name))
        if math.prod(shape) == 0:
            return np.empty(shape, dtype)
        raw = self._take(dtype.itemsize * math.prod(shape))
        _check_elements(raw, dtype)
        return np.frombuffer(raw, dtype).reshape(shape).copy()

    def _objects(self, rest: list[object]) -> Any:
        import numpy as np

        lengths, *nodes = rest
        shape = _shape(lengths)
        if math.prod(shape) != len(nodes):
            raise FrameError(f"{len(nodes)} objects for an array of shape {shape}")
        objects = np.empty(len(nodes), object)
        for index, node in enumerate(nodes):
            objects[index] = self._value(node)
        return objects.reshape(shape)

    def _records(self, rest: list[object]) -> Any:
        import numpy as np

        lengths, *nodes = rest
        shape = _shape(lengths)
        names = [_of(str, self._value(node)) for node in nodes[::2]]
        fields = [_plain(self._value(node)) for node in nodes[1::2]]
        if not fields or any(field.shape[: len(shape)] != shape for field in fields):
            raise FrameError(f"fields that do not fill an array of shape {shape}")
        kinds = [
            (name, field.dtype, field.shape[len(shape) :])
            for name, field in zip(names, fields, strict=True)
        ]
        records = np.empty(shape, kinds)
        if records.nbytes != sum(field.nbytes for field in fields) or not records.itemsize:
            raise FrameError("fields of no size")
        for name, field in zip(names, fields, strict=True):
            records[name] = field
        return records

    def _masked(self, rest: list[object]) -> Any:
        import numpy as np

        data, mask = (_plain(self._value(node)) for node in rest)
        if mask.shape != data.shape or mask.dtype != np.ma.make_mask_descr(data.dtype):
            raise FrameError(f"a mask of shape {mask.shape} for data of shape {data.shape}")
        return np.ma.MaskedArray(data, mask=mask)

    def _sparse(self, rest: list[object]) -> object:
        kind, is_array, lengths, *nodes = rest
        parts = tuple(_plain(self._value(node)) for node in nodes)
        shape = _shape(lengths)
        return build_sparse(SparseParts(_of(str, kind), _of(bool, is_array), shape, parts))


def _check_elements(raw: memoryview, dtype: Any) -> None:
    """Refuse bytes that are no value of their dtype: numpy takes them and misbehaves later."""
    import numpy as np

    if dtype.kind == "b" and np.frombuffer(raw, np.uint8).max() > 1:
        raise FrameError("a boolean that is neither 0 nor 1")
    if dtype.kind == "U" and np.frombuffer(raw, f"{dtype.str[0]}u4").max() > _MAX_CODE_POINT:
        raise FrameError("a character beyond Unicode")


def _plain(value: object) -> Any:
    import numpy as np

    if type(value) is not np.ndarray:
        raise FrameError(f"expected an array, found {type(value).__name__}")
    return value


def _shape(value: object) -> tuple[int, ...]:
    lengths = _of(list, value)
    if len(lengths) > _MAX_DIMENSIONS:
        raise FrameError(f"an array of {len(lengths)} dimensions")
    return tuple(_length(length) for length in lengths)


def _length(value: object) -> int:
    length = _of(int, value)
    if not 0 <= length <= _MAX_LENGTH:
        raise FrameError(f"a length of {length}")
    return length


def _of(kind: type[Any], value: object) -> Any:
    if type(value) is not kind:
        raise FrameError(f"expected {kind.__name__}, found {type(value).__name__}")
    return value
