"""The pool's end of a zygote: starts it, has it fork children, learns how they ended."""

import asyncio
import itertools
import os
import socket
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from tasks.core.errors import SandboxError
from tasks.sandbox.deaths import Death, with_stderr
from tasks.sandbox.launch import Interpreter, Started, follow, start
from tasks.sandbox.layers import BlockedError, Layer
from tasks.sandbox.zygote_talk import (
    PACKET_BYTES,
    FolderPart,
    Packet,
    Setup,
    Word,
    pack,
    pack_setup,
    unpack,
)

_START_LIMIT_S = 120.0
_STOP_LIMIT_S = 5.0
_STDERR_BYTES = 8 * 2**10


class ZygoteEndedError(Exception):
    """The zygote has ended, and its children with it; a new one may do better."""


class ForkedChild:
    """A fork of the zygote, as the pool sees it."""

    def __init__(
        self, link: "ZygoteLink", number: int, ours: tuple[socket.socket, IO[bytes]]
    ) -> None:
        self.channel, self.errors = ours
        self.exited: asyncio.Future[Death] = asyncio.get_running_loop().create_future()
        self.exited.add_done_callback(_note)
        self._link = link
        self._number = number

    def kill(self) -> None:
        """Have it killed; no harm if it has ended."""
        if not self.exited.done():
            self._link.send(pack(Word.KILL, self._number))

    async def clear(self) -> None:
        """Close what is open."""
        self.kill()
        self.channel.close()
        self.errors.close()
        # Nobody need ask how it ended.
        self.exited.cancel()


class ZygoteLink:
    """One zygote from its start to its end."""

    def __init__(self, started: Started) -> None:
        self._process, self._control = started.process, started.control
        self._errors, self._watch = started.errors, started.watch
        self._stderr = bytearray()
        self._numbers = itertools.count(1)
        self._children: dict[int, ForkedChild] = {}
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._exited = asyncio.Event()
        self._loop.add_reader(self._control, self._read_control)
        self._loop.add_reader(self._errors, self._read_errors)
        self._loop.add_reader(self._watch, self._note_exit)

    @classmethod
    async def open(cls, interpreter: Interpreter, folder: Path, without: Collection[Layer]) -> Self:
        """Start a zygote and wait until it can fork.

        Raises:
            SandboxError: it cannot be started, or cannot serve.
            BlockedError: it can be started without a layer.
        """
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        home = str(folder / FolderPart.HOME)
        fonts = str(folder / FolderPart.FONTS)
        folders = {"HOME": home, "TMPDIR": home, "MPLCONFIGDIR": fonts}
        try:
            with theirs:
                process = start(interpreter, "zygote", theirs, folders)
            link = cls(follow(process, control))
        except SandboxError:
            control.close()
            raise
        try:
            link.send(pack_setup(Setup(os.getpid(), str(folder), frozenset(without))))
            await link._wait_ready()
        except BaseException:
            await link.close()
            raise
        return link

    @property
    def is_alive(self) -> bool:
        """Whether it can still be asked for children."""
        return not self._exited.is_set() and self._control.fileno() >= 0

    def spawn(self) -> ForkedChild:
        """Have a child forked.

        Raises:
            ZygoteEndedError: nobody is there to do it.
        """
        if not self.is_alive:
            raise ZygoteEndedError
        number = next(self._numbers)
        channel, their_channel = socket.socketpair()
        channel.settimeout(0.0)
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        errors = os.fdopen(reader, "rb", buffering=0)
        child = ForkedChild(self, number, (channel, errors))
        self._children[number] = child
        child.exited.add_done_callback(lambda _: self._children.pop(number, None))
        try:
            given = [their_channel.fileno(), writer]
            # A zygote that has just ended is noticed by the exit of its children.
            with suppress(OSError):
                socket.send_fds(self._control, [pack(Word.START, number)], given)
        finally:
            their_channel.close()
            os.close(writer)
        return child

    def send(self, packet: bytes) -> None:
        """Send a packet; one that a dead zygote does not take is not missed."""
        with suppress(OSError):
            self._control.send(packet)

    async def close(self) -> None:
        """End the zygote, and with it every child."""
        self._stop_listening()
        try:
            async with asyncio.timeout(_STOP_LIMIT_S):
                await self._exited.wait()
        except TimeoutError:
            self._process.kill()
            await self._exited.wait()
        finally:
            self._loop.remove_reader(self._errors)
            self._errors.close()

    async def _wait_ready(self) -> None:
        try:
            async with asyncio.timeout(_START_LIMIT_S):
                await self._ready
        except TimeoutError as error:
            raise SandboxError(self._complain(f"nothing after {_START_LIMIT_S:g} s")) from error
        except ZygoteEndedError as error:
            raise SandboxError(self._complain("its end")) from error

    def _complain(self, found: str) -> str:
        text = (
            f"the sandbox's interpreter was expected to get ready, found {found}; check that "
            f"{self._process.args!r} is a Python of version 3.11 or later with the memory to start"
        )
        return with_stderr(text, bytes(self._stderr))

    def _read_control(self) -> bool:
        """Take one packet; answer whether there may be more at once."""
        try:
            data = self._control.recv(PACKET_BYTES)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            data = b""
        if data:
            self._take(unpack(data))
        else:
            self._stop_listening()
        return bool(data)

    def _take(self, packet: Packet) -> None:
        if packet.word is Word.READY:
            self._ready.set_result(None)
        elif packet.word is Word.ENDED:
            number, *death = packet.operands
            self._settle(number, Death(*death))
        elif packet.word is Word.FAILED and len(packet.operands) > 1:
            reason, number = packet.operands
            self._settle(number, SandboxError(f"the sandbox {reason}; see what limits processes"))
        elif not self._ready.done():
            self._ready.set_exception(_refusal(packet))

    def _settle(self, number: int, answer: Death | Exception) -> None:
        child = self._children.get(number)
        if child is None or child.exited.done():
            return
        if isinstance(answer, Death):
            child.exited.set_result(answer)
        else:
            child.exited.set_exception(answer)

    def _stop_listening(self) -> None:
        if self._control.fileno() >= 0:
            self._loop.remove_reader(self._control)
            self._control.close()

    def _read_errors(self) -> None:
        with suppress(BlockingIOError, InterruptedError):
            chunk = os.read(self._errors.fileno(), _STDERR_BYTES)
            self._stderr += chunk
            del self._stderr[:-_STDERR_BYTES]
            if not chunk:
                self._loop.remove_reader(self._errors)

    def _note_exit(self) -> None:
        """Reap it; what it has said of its children before still counts."""
        self._loop.remove_reader(self._watch)
        self._watch.close()
        while self._read_control():
            pass
        self._stop_listening()
        self._read_errors()
        self._process.wait()
        self._exited.set()
        if not self._ready.done():
            self._ready.set_exception(ZygoteEndedError())
        for number in tuple(self._children):
            self._settle(number, ZygoteEndedError())


def _note(answer: asyncio.Future[Death]) -> None:
    """Look at an answer that nobody may come to ask for, so that the loop does not complain."""
    if not answer.cancelled():
        answer.exception()


def _refusal(packet: Packet) -> Exception:
    if packet.word is Word.BLOCKED:
        layer, reason = packet.operands
        return BlockedError(Layer(layer), reason)
    return SandboxError(str(packet.operands[0]))
