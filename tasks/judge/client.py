"""outcome -> verdict: the evaluator's side of the judge process.

Hostile values may make a comparison run or grow without end. Then the judge is killed and started
anew, and the verdict is `bad_value`; a judge that cannot be started is the evaluator's failure.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from tasks.core.errors import SandboxError
from tasks.core.judging import Judgement
from tasks.core.records import Reason
from tasks.judge.messages import LENGTH_BYTES, Request, pack_request

START_S = 60.0
COMPARISON_S = 60.0
_WRITTEN_BYTES = 2**20

_ENVIRONMENT = {
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


class _JudgeDiedError(Exception):
    """The judge ended or had to be killed before it answered."""


class Judge:
    """One judge process for a targets file; requests are answered one after another."""

    def __init__(self, targets: Path, comparison_s: float = COMPARISON_S) -> None:
        self._targets = targets
        self._comparison_s = comparison_s
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        """Start the judge, so that unreadable targets show before anything is judged."""
        await self._start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the judge."""
        await self._stop()

    async def judge(self, request: Request) -> Judgement:
        """Return the conclusion about one sub-step.

        Raises:
            SandboxError: the judge cannot be started, or cannot read the targets.
        """
        async with self._lock:
            for _ in range(2):  # a judge killed from outside deserves another try
                try:
                    return await self._ask(request)
                except TimeoutError:
                    await self._stop()
                    text = f"the comparison did not end within {self._comparison_s:g} s"
                    return Judgement(Reason.BAD_VALUE, text)
                except _JudgeDiedError:
                    await self._stop()
            # It is the values that break the judge only if it works without them.
            await self._start()
        return Judgement(Reason.BAD_VALUE, "the comparison broke the judge, twice")

    async def _ask(self, request: Request) -> Judgement:
        process = self._process or await self._start()
        try:
            async with asyncio.timeout(self._comparison_s):
                reply = await self._exchange(process, request)
        except TimeoutError:
            raise
        except (asyncio.IncompleteReadError, OSError) as error:
            raise _JudgeDiedError from error
        except asyncio.CancelledError:
            # An answer that nobody has read would be taken for that of the next request.
            await self._stop()
            raise
        if "error" in reply:
            raise SandboxError(f"cannot judge sub-step {request.step_id}: {reply['error']}")
        return Judgement(Reason(reply["reason"]), reply["detail"])

    async def _exchange(
        self, process: asyncio.subprocess.Process, request: Request
    ) -> dict[str, str]:
        stdin = process.stdin
        if stdin is None:
            raise SandboxError("the judge has no standard input; this is a bug, please report it")
        for piece in pack_request(request):
            for start in range(0, len(piece), _WRITTEN_BYTES):
                # What the pipe has no room for is copied: of a large frame twice the whole.
                stdin.write(memoryview(piece)[start : start + _WRITTEN_BYTES])
                await stdin.drain()
        return await _read_reply(process)

    async def _start(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-m", "tasks.judge.process", str(self._targets.resolve()), str(os.getpid())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_ENVIRONMENT,
            start_new_session=True,
        )
        self._process = process
        try:
            reply = await asyncio.wait_for(_read_reply(process), START_S)
        except (TimeoutError, asyncio.IncompleteReadError) as error:
            await self._stop()
            raise SandboxError(
                f"expected the judge process to be ready within {START_S:g} s, it was not; "
                f"try `{sys.executable} -m tasks.judge.process {self._targets}` to see why"
            ) from error
        if "error" in reply:
            await self._stop()
            raise SandboxError(f"the judge cannot start: {reply['error']}")
        return process

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


async def _read_reply(process: asyncio.subprocess.Process) -> dict[str, str]:
    stdout = process.stdout
    if stdout is None:
        raise SandboxError("the judge has no standard output; this is a bug, please report it")
    length = int.from_bytes(await stdout.readexactly(LENGTH_BYTES), "big")
    return cast("dict[str, str]", json.loads(await stdout.readexactly(length)))
