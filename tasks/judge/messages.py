"""Messages between the evaluator and its judge: a JSON header, then the child's raw frames.

Layout: 8 bytes length of the header (big endian), the header, the frames one after another; the
header's `frames` are their lengths. The evaluator never decodes a frame.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import BinaryIO, cast

from tasks.core.json_value import JsonValue
from tasks.core.records import Ending
from tasks.core.splitting.split import JudgeCase

LENGTH_BYTES = 8


@dataclass(frozen=True, slots=True)
class Request:
    """What the judge needs to decide one sub-step."""

    step_id: str
    cases: tuple[JudgeCase, ...]
    ending: Ending
    detail: str
    frames: tuple[bytes | bytearray, ...]
    reveal: bool = False
    """Whether `detail` may hold values of the target."""


def pack_request(request: Request) -> list[bytes | bytearray]:
    """Return the pieces of a request, ready to be written one after another."""
    header = {
        "step_id": request.step_id,
        "cases": [asdict(case) for case in request.cases],
        "ending": request.ending.value,
        "detail": request.detail,
        "reveal": request.reveal,
        "frames": [len(frame) for frame in request.frames],
    }
    return [*_framed(header), *request.frames]


def pack_reply(reply: dict[str, str]) -> bytes:
    """Return the bytes of a reply."""
    return b"".join(_framed(reply))


def read_request(stream: BinaryIO) -> Request | None:
    """Read one request, None at the end of the stream."""
    length = stream.read(LENGTH_BYTES)
    if len(length) < LENGTH_BYTES:
        return None
    header = cast("dict[str, JsonValue]", json.loads(stream.read(int.from_bytes(length, "big"))))
    lengths = cast("Sequence[int]", header["frames"])
    return Request(
        step_id=str(header["step_id"]),
        cases=tuple(map(_case, cast("Sequence[dict[str, JsonValue]]", header["cases"]))),
        ending=Ending(str(header["ending"])),
        detail=str(header["detail"]),
        frames=tuple(stream.read(size) for size in lengths),
        reveal=bool(header["reveal"]),
    )


def _case(fields: dict[str, JsonValue]) -> JudgeCase:
    derived = fields["derived"]
    return JudgeCase(
        source=str(fields["source"]),
        slots=tuple(map(str, cast("Sequence[str]", fields["slots"]))),
        condition=str(fields["condition"]),
        text=str(fields["text"]),
        uses_target=bool(fields["uses_target"]),
        derived=None if derived is None else str(derived),
    )


def _framed(header: object) -> list[bytes]:
    payload = json.dumps(header).encode()
    return [len(payload).to_bytes(LENGTH_BYTES, "big"), payload]
