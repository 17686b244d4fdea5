"""Keeps account of a frame being written: its buffers, the room left, the place in the value."""

import reprlib

from tasks.sandbox.frames import MAX_DEPTH, MAX_SKELETON_BYTES, OversizedError, UnshippableError


class Load:
    """What one frame carries so far.

    The sizes are counted before anything is copied. The skeleton's is a lower bound; the frame is
    measured once more when it is packed.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.buffers: list[bytes | memoryview] = []
        self._limit_bytes = limit_bytes
        self._buffer_room = limit_bytes
        self._skeleton_room = min(limit_bytes, MAX_SKELETON_BYTES)
        self._path: list[object] = []
        self._open: set[int] = set()

    def enter(self, owner: object) -> None:
        """Go into a container, which no value inside it may be."""
        # The outermost container is the list of shipped values itself.
        if len(self._path) > MAX_DEPTH:
            raise UnshippableError(f"a value is nested deeper than {MAX_DEPTH} levels")
        if id(owner) in self._open:
            raise UnshippableError(f"a {_name(owner)} that contains itself{self.where()}")
        self._open.add(id(owner))
        self._path.append(None)

    def move_to(self, place: object) -> None:
        """Go to an item of the container."""
        self._path[-1] = place

    def leave(self, owner: object) -> None:
        """Come out again; after an error nobody does, so the path still tells where it was."""
        self._path.pop()
        self._open.discard(id(owner))

    def spend(self, size: int) -> None:
        """Count bytes of the skeleton."""
        self._skeleton_room -= size
        if self._skeleton_room < 0:
            raise self._overflow()

    def require_room(self, size: int) -> None:
        """Refuse a buffer before it is made."""
        if size > self._buffer_room:
            raise self._overflow()

    def add_buffer(self, data: bytes | memoryview) -> None:
        """Append raw bytes."""
        self.require_room(len(data))
        self._buffer_room -= len(data)
        self.buffers.append(data)

    def refusal(self, value: object, note: str = "") -> UnshippableError:
        """Name a value that cannot be written and its place."""
        return UnshippableError(
            f"a value of type {_name(value)}{note} does not cross the boundary{self.where()}"
        )

    def where(self) -> str:
        """Spell the place as an index expression: `, at [1]['x']`."""
        places = "".join(f"[{reprlib.repr(place)}]" for place in self._path)
        return f", at {places}" if places else ""

    def _overflow(self) -> OversizedError:
        return OversizedError(
            f"the values need more than {self._limit_bytes} bytes"
            f" (or {MAX_SKELETON_BYTES} of structure){self.where()}"
        )


def _name(value: object) -> str:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
