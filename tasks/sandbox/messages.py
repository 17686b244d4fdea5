"""Frames the talk between the pool and a child: one letter, a length, a payload.

    pool:   JOB
    child:  STARTED (after its limits are in force, before the first byte of the program runs),
            FRAME for each finished case, ENDED

`Transcript` reads the child's side of it. Whatever comes after STARTED may have been written by the
program itself, so it is believed only in the one sense that it can hurt no one but the program.
"""

import json
from enum import StrEnum
from typing import Any, cast

from tasks.core.records import ChildCase, Ending, Job, Limits
from tasks.sandbox.traceback_text import DETAIL_CHARACTERS, printable

HEADER_BYTES = 9

_REPORT_BYTES = 64 * 2**10
_REPORTABLE = frozenset(
    {
        Ending.COMPLETED,
        Ending.RAISED,
        Ending.SYNTAX_ERROR,
        Ending.OUT_OF_MEMORY,
        Ending.UNSHIPPABLE,
        Ending.OVERSIZED,
    }
)


class MessageKind(StrEnum):
    """The letter that a message begins with."""

    JOB = "J"
    STARTED = "S"
    FRAME = "F"
    ENDED = "E"


def pack_header(kind: MessageKind, size: int) -> bytes:
    """Say what follows and how long it is."""
    return kind.encode("ascii") + size.to_bytes(HEADER_BYTES - 1, "big")


def pack_job(job: Job, limits: Limits) -> bytes:
    """Write a JOB message."""
    cases = [[case.source, *case.ships] for case in job.cases]
    bounds = [limits.cpu_s, limits.wall_s, limits.memory_bytes, limits.frame_bytes]
    payload = json.dumps([job.program, cases, bounds]).encode("ascii")
    return pack_header(MessageKind.JOB, len(payload)) + payload


def unpack_job(payload: bytes) -> tuple[Job, Limits]:
    """Read what `pack_job` wrote, without its header."""
    program, cases, bounds = json.loads(payload)
    job = Job(program, tuple(ChildCase(source, tuple(ships)) for source, *ships in cases))
    return job, Limits(*bounds)


def pack_ended(ending: Ending, detail: str, *, denied: bool = False) -> bytes:
    """Write an ENDED message; `denied` says that the program failed on something forbidden."""
    payload = json.dumps([ending, detail[:DETAIL_CHARACTERS], denied]).encode("ascii")
    return pack_header(MessageKind.ENDED, len(payload)) + payload


def pack_started(layers: tuple[str, ...]) -> bytes:
    """Write a STARTED message with the confinement that is in force."""
    payload = json.dumps(layers).encode("ascii")
    return pack_header(MessageKind.STARTED, len(payload)) + payload


class Transcript:
    """What a child has said so far; never holds more than the frames' limit.

    `layers` is None until the child has started. `ended` is set by the child's own report or by the
    first thing it says that it must not; nothing is read after that.
    """

    def __init__(self, cases: int, frame_bytes: int) -> None:
        self.layers: tuple[str, ...] | None = None
        self.frames: list[bytes | bytearray] = []
        self.ended: tuple[Ending, str] | None = None
        self.denied = False
        self._cases = cases
        self._frame_bytes = frame_bytes
        self._room = frame_bytes
        self._pending = bytearray()
        self._expected: tuple[MessageKind, int] | None = None

    @property
    def interrupted(self) -> bool:
        """Whether a message has begun that has not come to its end."""
        return bool(self._pending or self._expected)

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next bytes, however they are cut."""
        rest = memoryview(data)
        while self.ended is None and (rest or self._is_complete()):
            missing = self._wanted() - len(self._pending)
            self._pending += rest[:missing]
            rest = rest[missing:]
            if self._is_complete():
                self._advance()

    def _wanted(self) -> int:
        return HEADER_BYTES if self._expected is None else self._expected[1]

    def _is_complete(self) -> bool:
        return len(self._pending) == self._wanted()

    def _advance(self) -> None:
        taken, self._pending = self._pending, bytearray()
        if self._expected is None:
            self._expected = self._admit(bytes(taken))
            return
        kind, _ = self._expected
        self._expected = None
        if kind is MessageKind.FRAME:
            # Not copied: it may be large.
            self.frames.append(taken)
            self._room -= len(taken)
        elif kind is MessageKind.STARTED:
            self.layers = _layers(taken)
        else:
            self.ended = self._report(taken)

    def _admit(self, header: bytes) -> tuple[MessageKind, int] | None:
        """Decide by its header whether a message may come."""
        size = int.from_bytes(header[1:], "big")
        if header[:1] == b"F" and len(self.frames) < self._cases and self.layers is not None:
            if size <= self._room:
                return MessageKind.FRAME, size
            self.ended = (
                Ending.OVERSIZED,
                (f"the values of the cases need more than {self._frame_bytes} bytes"),
            )
            return None
        if header[:1] == (b"S" if self.layers is None else b"E") and size <= _REPORT_BYTES:
            return MessageKind(header[:1].decode("ascii")), size
        self.ended = Ending.GARBLED, f"the program wrote {header!r} where a message was expected"
        return None

    def _report(self, payload: bytearray) -> tuple[Ending, str]:
        try:
            ending, detail, denied = cast("list[Any]", json.loads(payload))
            report = Ending(ending), printable(detail)
            self.denied = denied is True
        except (ValueError, TypeError, AttributeError, RecursionError):
            return Ending.GARBLED, "the program wrote its own report of how it ended"
        if report[0] not in _REPORTABLE:
            return Ending.GARBLED, f"the program claims to have ended as {report[0]}"
        if report[0] is Ending.COMPLETED and len(self.frames) != self._cases:
            return Ending.GARBLED, f"{len(self.frames)} frames for {self._cases} cases"
        return report


def _layers(payload: bytearray) -> tuple[str, ...]:
    return tuple(json.loads(payload))
