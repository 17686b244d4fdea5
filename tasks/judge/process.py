"""outcome -> verdict: the judge process, `python -I -m tasks.judge.process TARGETS.h5 PARENT`.

The only process that reads targets; it dies with the evaluator, its parent. It answers one request
after another on its standard output and keeps recently used targets in memory. It decodes what a
child shipped, so it runs apart from the evaluator, with a memory limit, and can be killed when a
comparison does not end.
"""

import os
import sys
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from scipy import sparse

from tasks.core.errors import EvalError
from tasks.core.judging import BadValueError, Judgement, judge_outcome
from tasks.core.records import Limits
from tasks.judge.messages import Request, pack_reply, read_request
from tasks.sandbox.confinement import confine
from tasks.sandbox.wire import FrameError, decode_values
from tasks.targets import TargetFile

MEMORY_BYTES = 8 * 2**30
# It serves a whole evaluation; a single comparison is the evaluator's to time.
CPU_S = 10.0**9
KEPT_BYTES = 512 * 2**20


class KeptTargets:
    """Targets read so far, the least recently used ones dropped beyond a number of bytes."""

    def __init__(self, file: TargetFile, kept_bytes: int = KEPT_BYTES) -> None:
        self._file = file
        self._kept_bytes = kept_bytes
        self._values: OrderedDict[tuple[str, int], object] = OrderedDict()
        self._bytes = 0

    def read(self, step_id: str, case_number: int) -> object:
        """Return the expected value of a case, numbered from 1."""
        place = (step_id, case_number)
        if place in self._values:
            self._values.move_to_end(place)
            return self._values[place]
        value = self._file.read(step_id, case_number)
        self._values[place] = value
        self._bytes += value_bytes(value)
        while self._bytes > self._kept_bytes and len(self._values) > 1:
            _, dropped = self._values.popitem(last=False)
            self._bytes -= value_bytes(dropped)
        return value


def value_bytes(value: object) -> int:
    """Estimate the memory of a target, in bytes."""
    if isinstance(value, np.ndarray | np.generic):
        return int(value.nbytes)
    if sparse.issparse(value):
        return 3 * int(cast("Any", value).data.nbytes)
    if isinstance(value, dict):
        return sum(map(value_bytes, cast("dict[object, object]", value).values()))
    if isinstance(value, list | tuple):
        return sum(map(value_bytes, cast("Sequence[object]", value)))
    return sys.getsizeof(value)


def decide(request: Request, targets: KeptTargets) -> Judgement:
    """Judge one sub-step."""

    def decoder(frame: bytes | bytearray) -> list[object]:
        try:
            return decode_values(frame)
        except FrameError as error:
            raise BadValueError(str(error)) from error

    return judge_outcome(
        request.cases,
        request.ending,
        request.detail,
        [lambda frame=frame: decoder(frame) for frame in request.frames],
        lambda number: targets.read(request.step_id, number),
        reveal=request.reveal,
    )


def serve(requests: BinaryIO, replies: BinaryIO, targets: KeptTargets) -> None:
    """Answer requests until the stream ends; an error of ours is a reply, never a verdict."""
    while (request := read_request(requests)) is not None:
        try:
            judgement = decide(request, targets)
            reply = {"reason": judgement.reason.value, "detail": judgement.detail}
        except EvalError as error:
            reply = {"error": str(error)}
        except Exception as error:
            reply = {"error": f"the judge failed with {type(error).__name__}: {error}; report it"}
        replies.write(pack_reply(reply))
        replies.flush()


def main() -> None:
    """Open the targets and serve; what comparisons print goes to standard error."""
    evaluator = int(sys.argv[2]) if len(sys.argv) > 2 else os.getppid()
    confine(Limits(cpu_s=CPU_S, memory_bytes=MEMORY_BYTES), evaluator)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        with TargetFile(Path(sys.argv[1])) as file:
            replies.write(pack_reply({"ready": "yes"}))
            replies.flush()
            serve(sys.stdin.buffer, replies, KeptTargets(file))
    except EvalError as error:
        replies.write(pack_reply({"error": str(error)}))
        replies.flush()


if __name__ == "__main__":
    main()
