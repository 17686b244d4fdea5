"""Carries values from the sandbox to the judge: the way in and the way out of a frame.

Nothing is pickled. What cannot cross is refused with its type and its place, and the reader takes
any bytes at all: it answers with values or with `FrameError`. `tasks.sandbox.frames` describes
the bytes.
"""

from collections.abc import Sequence

from tasks.sandbox.decoding import Decoder
from tasks.sandbox.encoding import Encoder
from tasks.sandbox.frames import FrameError, OversizedError, UnshippableError, pack, unpack
from tasks.sandbox.load import Load

__all__ = ["FrameError", "OversizedError", "UnshippableError", "decode_values", "encode_values"]


def encode_values(values: Sequence[object], limit_bytes: int) -> bytes:
    """Turn values into one frame of at most `limit_bytes`.

    Subclasses ship as their basic kind, `np.matrix` as a plain array, extended precision as
    double, a sympy symbol as its name, sympy numbers as int or float, and whatever offers
    `__array__` as that array.

    Raises:
        UnshippableError: a value has no such form; the message names its type and place.
        OversizedError: the frame would be too long.
    """
    load = Load(limit_bytes)
    nodes = Encoder(load).encode(values)
    return pack(nodes, load.buffers, limit_bytes)


def decode_values(frame: bytes | bytearray) -> list[object]:
    """Turn a frame that anyone may have written back into its values.

    Raises:
        FrameError: the bytes are not a frame, or a number in it is out of its range.
    """
    skeleton, buffers = unpack(frame)
    try:
        return Decoder(buffers).decode(skeleton)
    except FrameError:
        raise
    except Exception as error:
        # numpy and scipy refuse bad shapes and dtypes with a wide choice of exceptions.
        raise FrameError(f"the frame holds no value: {type(error).__name__}: {error}") from error
