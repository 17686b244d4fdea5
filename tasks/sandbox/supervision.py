"""Runs one child from its start to its burial: program -> outcome, seen from the pool's side.

Nothing here waits for the good will of a child. It is watched by its result channel, its exit and
the clock; whichever comes first, its whole group is killed and it is reaped. The channel alone
would not do, since a grandchild may hold it open for ever.
"""

import asyncio
import logging
import os
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tasks.core.errors import SandboxError
from tasks.core.records import Ending, Job, Limits, Outcome
from tasks.sandbox.deaths import Death, classify, describe_death, read_status, with_stderr
from tasks.sandbox.launch import LAYERS, Interpreter, Launched, launch
from tasks.sandbox.messages import Transcript, pack_job
from tasks.sandbox.removal import remove_tree

_START_LIMIT_S = 60.0
_READ_BYTES = 256 * 2**10
_STDERR_BYTES = 8 * 2**10
# A pipe holds at most this many reads when its writer is dead.
_LAST_READS = 16
_log = logging.getLogger(__name__)


async def supervise(job: Job, limits: Limits, interpreter: Interpreter) -> Outcome:
    """Run one job in a fresh process.

    Raises:
        SandboxError: the process could not be started, or failed before the program began.
    """
    begin = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="sandbox-"))
    try:
        transcript = Transcript(len(job.cases), limits.frame_bytes)
        child = _Child(launch(interpreter, folder), transcript)
        try:
            in_time = await child.settle(job, limits)
        finally:
            death = await child.bury()
    finally:
        await asyncio.to_thread(_remove, folder)
    ending, detail = _conclude(child, death, limits, in_time=in_time)
    layers = (*LAYERS, *(child.transcript.layers or ()))
    frames = tuple(child.transcript.frames)
    return Outcome(ending, frames, detail, time.monotonic() - begin, layers)


class _Child:
    """One process, the events of its life, and what it said."""

    def __init__(self, launched: Launched, transcript: Transcript) -> None:
        self.transcript = transcript
        self.stderr = bytearray()
        self._process = launched.process
        self._channel = launched.channel
        self._errors = launched.errors
        self._watch = launched.watch
        self._buffer = memoryview(bytearray(_READ_BYTES))
        self._started = asyncio.Event()
        self._settled = asyncio.Event()
        self._exited = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._channel, self._read_channel)
        self._loop.add_reader(self._errors, self._read_errors)
        self._loop.add_reader(self._watch, self._note_exit)

    async def settle(self, job: Job, limits: Limits) -> bool:
        """Hand over the job and wait; answer whether the child ended by itself, in time."""
        message = pack_job(job, limits, os.getpid())
        sending = asyncio.create_task(self._send(message))
        try:
            # The clock of the program does not run while its interpreter starts.
            if await _within(self._started, _START_LIMIT_S):
                return await _within(self._settled, limits.wall_s)
            return False
        finally:
            sending.cancel()
            # Till then the loop still watches the channel's descriptor for it.
            await asyncio.wait([sending])

    async def bury(self) -> Death:
        """Kill the group, wait for the end, take back every resource."""
        self._kill()
        try:
            await self._exited.wait()
        finally:
            death = self._reap()
        return death

    def _reap(self) -> Death:
        """Take the status; blocks only after a cancelled wait, for as long as a kill takes."""
        try:
            _, status, usage = os.wait4(self._process.pid, 0)
        except ChildProcessError as error:
            raise SandboxError(
                f"the status of child {self._process.pid} was expected, but something else in "
                "this process has taken it; leave SIGCHLD alone where the sandbox runs"
            ) from error
        finally:
            for source in (self._channel, self._errors, self._watch):
                self._loop.remove_reader(source)
                source.close()
        death = read_status(status, usage.ru_utime + usage.ru_stime)
        self._process.returncode = death.exit_code
        return death

    async def _send(self, message: bytes) -> None:
        # A child that does not take its job is noticed by its exit.
        with suppress(OSError):
            await self._loop.sock_sendall(self._channel, message)

    def _read_channel(self) -> bool:
        """Read once; answer whether there may be more at once."""
        try:
            size = self._channel.recv_into(self._buffer)
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
            self._loop.remove_reader(self._channel)
            return False
        return True

    def _read_errors(self) -> bool:
        """Read once, keep the last; answer whether there may be more at once."""
        try:
            chunk = os.read(self._errors.fileno(), _READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return False
        self.stderr += chunk
        del self.stderr[:-_STDERR_BYTES]
        if not chunk:
            self._loop.remove_reader(self._errors)
        return bool(chunk)

    def _note_exit(self) -> None:
        self._loop.remove_reader(self._watch)
        self._kill()
        while self._read_channel():
            pass
        for _ in range(_LAST_READS):
            if not self._read_errors():
                break
        self._exited.set()
        self._settle()

    def _settle(self) -> None:
        self._started.set()
        self._settled.set()

    def _kill(self) -> None:
        """Kill the group; not being reaped yet, the child still owns the group's id."""
        # macOS refuses where only the dead are left.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


async def _within(event: asyncio.Event, limit_s: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            await event.wait()
    return event.is_set()


def _conclude(child: _Child, death: Death, limits: Limits, *, in_time: bool) -> tuple[Ending, str]:
    transcript, stderr = child.transcript, bytes(child.stderr)
    if transcript.layers is None:
        found = describe_death(death) if in_time else f"nothing after {_START_LIMIT_S:g} s"
        raise SandboxError(
            "a child of the sandbox was expected to report that it has started, found: "
            + with_stderr(found, stderr)
            + "\ncheck that its interpreter has this package installed and the memory to start"
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


def _remove(folder: Path) -> None:
    try:
        remove_tree(folder)
    except OSError as error:
        _log.warning("could not remove %s of an ended child: %s; remove it by hand", folder, error)
