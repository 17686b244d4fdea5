"""The container in which values leave the sandbox: a JSON skeleton, then raw buffers.

    frame = length of the skeleton (8 bytes, big endian) + skeleton + buffers

The skeleton is one JSON array with a node for each value: null, booleans, numbers (NaN and
Infinity in Python's spelling) and strings stand for themselves, everything else is an array that
begins with a `Tag`. Buffers carry no table: each node takes the next bytes, as many as it implies,
so no buffer can be used twice and what a frame decodes to is bounded by its own size.
"""

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TypeAlias, cast

Node: TypeAlias = "bool | int | float | str | list[Node] | None"

MAX_DEPTH = 64
# Small JSON tokens decode to objects some twenty times their size; buffers do not.
MAX_SKELETON_BYTES = 16 * 2**20

_PREFIX_BYTES = 8


class UnshippableError(Exception):
    """A value is of a kind that does not cross the boundary."""


class OversizedError(Exception):
    """The values need more bytes than allowed."""


class FrameError(Exception):
    """The bytes are not a frame."""


class Tag(StrEnum):
    """What a skeleton node stands for; its operands follow it in the same JSON array."""

    INTEGER = "i"  # hexadecimal text
    COMPLEX = "c"  # real, imaginary
    TEXT = "u"  # size; a string with lone surrogates, as UTF-8 in the buffer
    BYTES = "b"  # size
    LIST = "l"  # nodes
    TUPLE = "t"  # nodes
    SET = "s"  # nodes
    FROZENSET = "z"  # nodes
    DICT = "d"  # key, value, key, value, ...
    RANGE = "r"  # start, stop, step
    PACKED = "k"  # LIST or TUPLE, "d" (floats) or "q" (64-bit integers), count
    ARRAY = "a"  # dtype, shape
    SCALAR = "n"  # dtype
    OBJECTS = "o"  # shape, then a node for each element
    RECORDS = "R"  # shape, then name, array, name, array, ...
    MASKED = "m"  # data array, mask array
    SPARSE = "p"  # format, whether it is a sparse array, shape, then the component arrays


def pack(nodes: Sequence[Node], buffers: Iterable[bytes | memoryview], limit_bytes: int) -> bytes:
    """Join skeleton and buffers into one frame of at most `limit_bytes`.

    Raises:
        OversizedError: the frame would be longer.
    """
    skeleton = json.dumps(nodes, separators=(",", ":")).encode("ascii")
    parts = [len(skeleton).to_bytes(_PREFIX_BYTES, "big"), skeleton, *buffers]
    size = sum(len(part) for part in parts)
    if len(skeleton) > MAX_SKELETON_BYTES or size > limit_bytes:
        raise OversizedError(
            f"the values need {size} bytes ({len(skeleton)} of them structure), "
            f"allowed are {limit_bytes} (structure: {MAX_SKELETON_BYTES})"
        )
    return b"".join(parts)


def unpack(frame: bytes | bytearray) -> tuple[list[object], memoryview]:
    """Part a frame into its skeleton and its buffers.

    Raises:
        FrameError: the bytes are not a frame.
    """
    size = int.from_bytes(frame[:_PREFIX_BYTES], "big")
    if len(frame) < _PREFIX_BYTES or size > min(len(frame) - _PREFIX_BYTES, MAX_SKELETON_BYTES):
        raise FrameError(f"{len(frame)} bytes cannot hold a skeleton of {size}")
    end = _PREFIX_BYTES + size
    try:
        skeleton: object = json.loads(frame[_PREFIX_BYTES:end].decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise FrameError(f"the skeleton is not JSON: {error}") from error
    if not isinstance(skeleton, list):
        raise FrameError(f"the skeleton is no array but {type(skeleton).__name__}")
    return cast("list[object]", skeleton), memoryview(frame)[end:]
