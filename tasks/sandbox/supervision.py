"""Runs one child from its start to its end: job -> outcome, seen from the pool's side.

Nothing here waits for the good will of a child. It is watched by its result channel, its exit and
the clock; whichever comes first, its whole group is killed and it is reaped. The channel alone
would not do, since a grandchild may hold it open for ever.
"""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress

from tasks.core.errors import SandboxError
from tasks.core.records import Ending, Job, Limits, Outcome
from tasks.sandbox.deaths import Death, classify, describe_death, is_violation, with_stderr
from tasks.sandbox.launch import LAYERS, ChildProcess
from tasks.sandbox.messages import Transcript, pack_job

_START_LIMIT_S = 60.0
_READ_BYTES = 256 * 2**10
_STDERR_BYTES = 8 * 2**10
# A pipe holds at most this many reads when its writer is dead.
_LAST_READS = 16


async def supervise(job: Job, limits: Limits, spawn: Callable[[], ChildProcess]) -> Outcome:
    """Run one job in a new process.

    Raises:
        SandboxError: the process could not be started, or failed before the program began.
        ZygoteEndedError: the process was ended by the end of the one that it was a fork of.
    """
    begin = time.monotonic()
    watched = _Watched(spawn(), Transcript(len(job.cases), limits.frame_bytes))
    try:
        in_time = await watched.settle(job, limits)
        death = await watched.end()
    finally:
        await watched.clear()
    ending, detail = _conclude(watched, death, limits, in_time=in_time)
    transcript = watched.transcript
    return Outcome(
        ending=ending,
        frames=tuple(transcript.frames),
        detail=detail,
        duration_s=time.monotonic() - begin,
        layers=(*LAYERS, *(transcript.layers or ())),
        cpu_s=death.cpu_s,
        peak_bytes=death.peak_bytes,
        violation=transcript.denied or is_violation(death),
        signal=max(-death.exit_code, 0),
    )


class _Watched:
    """One process, the events of its life, and what it said."""

    def __init__(self, child: ChildProcess, transcript: Transcript) -> None:
        self.transcript = transcript
        self.stderr = bytearray()
        self._child = child
        self._buffer = memoryview(bytearray(_READ_BYTES))
        self._started = asyncio.Event()
        self._settled = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(child.channel, self._read_channel)
        self._loop.add_reader(child.errors, self._read_errors)
        child.exited.add_done_callback(self._note_exit)

    async def settle(self, job: Job, limits: Limits) -> bool:
        """Hand over the job and wait; answer whether the child ended by itself, in time."""
        sending = asyncio.create_task(self._send(pack_job(job, limits)))
        try:
            # The clock of the program does not run while its process starts.
            if await _within(self._started, _START_LIMIT_S):
                return await _within(self._settled, limits.wall_s)
            return False
        finally:
            sending.cancel()
            # Till then the loop still watches the channel's descriptor for it.
            await asyncio.wait([sending])

    async def end(self) -> Death:
        """Kill the child, wait until it is gone, and read the last that it said."""
        self._child.kill()
        death = await asyncio.shield(self._child.exited)
        while self._read_channel():
            pass
        for _ in range(_LAST_READS):
            if not self._read_errors():
                break
        return death

    async def clear(self) -> None:
        """Take back every resource, also of a child whose end was not waited for."""
        self._child.kill()
        try:
            # Its own reasons are told by `end`.
            with suppress(Exception):
                await asyncio.shield(self._child.exited)
        finally:
            self._loop.remove_reader(self._child.channel)
            self._loop.remove_reader(self._child.errors)
            await self._child.clear()

    async def _send(self, message: bytes) -> None:
        # A child that does not take its job is noticed by its exit.
        with suppress(OSError):
            await self._loop.sock_sendall(self._child.channel, message)

    def _read_channel(self) -> bool:
        """Read once; answer whether there may be more at once."""
        try:
            size = self._child.channel.recv_into(self._buffer)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            size = 0
        self.transcript.feed(self._buffer[:size])
        if self.transcript.layers is not None:
            self._started.set()
        if self.transcript.ended is not None:
            self._settle()
        if not size or self.transcript.ended is not None:
            self._loop.remove_reader(self._child.channel)
            return False
        return True

    def _read_errors(self) -> bool:
        """Read once, keep the last; answer whether there may be more at once."""
        try:
            chunk = os.read(self._child.errors.fileno(), _READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return False
        self.stderr += chunk
        del self.stderr[:-_STDERR_BYTES]
        if not chunk:
            self._loop.remove_reader(self._child.errors)
        return bool(chunk)

    def _note_exit(self, _: asyncio.Future[Death]) -> None:
        self._settle()

    def _settle(self) -> None:
        self._started.set()
        self._settled.set()


async def _within(event: asyncio.Event, limit_s: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            await event.wait()
    return event.is_set()


def _conclude(
    watched: _Watched, death: Death, limits: Limits, *, in_time: bool
) -> tuple[Ending, str]:
    transcript, stderr = watched.transcript, bytes(watched.stderr)
    if transcript.layers is None:
        found = describe_death(death) if in_time else f"nothing after {_START_LIMIT_S:g} s"
        raise SandboxError(
            "a child of the sandbox was expected to report that it has started, found: "
            + with_stderr(found, stderr)
            + "\ncheck that its interpreter is a Python of version 3.11 or later and has the "
            "memory to start"
        )
    if transcript.ended is not None:
        return transcript.ended
    if not in_time:
        return Ending.TIMED_OUT, with_stderr(
            f"wall clock limit of {limits.wall_s:g} s reached", stderr
        )
    ending, detail = classify(death, limits)
    if transcript.interrupted:
        detail += ", in the middle of a message"
    return ending, with_stderr(detail, stderr)
