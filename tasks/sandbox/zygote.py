"""The zygote: a process that has imported what programs import, and forks a child for each job.

It is started by its pool, not forked from it, so nothing of the evaluator is in its memory or its
environment. It never sees a program: it hands the descriptors it is given to a child and tells how
that child ended. When the pool goes away, it goes, and all its children with it.
"""

import os
import selectors
import signal
import socket
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

from tasks.core.errors import SandboxError
from tasks.sandbox import child
from tasks.sandbox.confinement import Shield
from tasks.sandbox.deaths import read_usage
from tasks.sandbox.layers import BlockedError
from tasks.sandbox.preloading import preload, reseed, start_font_listing
from tasks.sandbox.removal import remove_tree
from tasks.sandbox.shielding import prepare
from tasks.sandbox.zygote_talk import (
    DESCRIPTORS,
    PACKET_BYTES,
    FolderPart,
    Setup,
    Word,
    pack,
    unpack,
    unpack_setup,
)

# A pool that is gone by then has no use for them.
_FONTS_AFTER_S = 3.0


@dataclass(frozen=True, slots=True)
class _Child:
    """A process that has not been reaped; `number` is the pool's, None for one of our own."""

    pid: int
    watch: int
    number: int | None = None
    folder: Path | None = None


def main(descriptor: int) -> None:
    """Prepare, say so, and serve until the pool is gone."""
    control = socket.socket(fileno=descriptor)
    setup = unpack_setup(control.recv(PACKET_BYTES))
    try:
        shield = prepare(setup)
        preload()
    except BlockedError as error:
        control.send(pack(Word.BLOCKED, error.layer, str(error)))
        return
    except SandboxError as error:
        control.send(pack(Word.FAILED, str(error)))
        return
    control.send(pack(Word.READY))
    _Zygote(control, setup, shield).serve()
    # Nothing of what an interpreter does at its end is worth waiting for.
    os._exit(0)


class _Zygote:
    def __init__(self, control: socket.socket, setup: Setup, shield: Shield) -> None:
        self._control = control
        self._setup = setup
        self._shield = shield
        self._children: dict[int, _Child] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)
        self._fonts_at_s: float | None = time.monotonic() + _FONTS_AFTER_S

    def serve(self) -> None:
        """Fork and reap until the pool closes its end."""
        while True:
            for key, _ in self._selector.select(self._wait_s()):
                if isinstance(key.data, _Child):
                    self._bury(key.data)
                elif not self._obey():
                    self._kill_all()
                    return

    def _wait_s(self) -> float | None:
        """Tell how long to wait for events; when it is time, have the fonts listed."""
        if self._fonts_at_s is None:
            return None
        remaining_s = self._fonts_at_s - time.monotonic()
        if remaining_s > 0:
            return remaining_s
        self._fonts_at_s = None
        fonts = start_font_listing()
        if fonts is not None:
            self._watch(fonts)
        return None

    def _obey(self) -> bool:
        """Do what the next packet says; answer False where there is none any more."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, PACKET_BYTES, DESCRIPTORS)
        except OSError:
            return False
        if not data:
            return False
        packet = unpack(data)
        (number,) = packet.operands
        if packet.word is Word.START:
            self._start(number, *descriptors)
        elif number in self._children:
            _kill(self._children[number].pid)
        return True

    def _start(self, number: int, channel: int, errors: int) -> None:
        parent = os.getpid()
        try:
            folder = self._make_folder()
            pid = os.fork()
            if not pid:
                self._become_child(channel, errors, parent, folder)
            self._watch(pid, number, folder)
        except OSError as error:
            self._control.send(pack(Word.FAILED, f"cannot start a child: {error}", number))
        finally:
            os.close(channel)
            os.close(errors)

    def _become_child(
        self, channel: int, errors: int, parent: int, folder: Path | None
    ) -> NoReturn:
        """Be a child; whatever goes wrong, never return into the zygote's loop."""
        try:
            os.setsid()
            os.dup2(errors, 2)
            _keep_only(channel, self._shield)
            os.chdir(folder or Path(self._setup.folder, FolderPart.HOME))
            reseed()
            child.serve(channel, parent, self._shield, folder)
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(1)

    def _make_folder(self) -> Path | None:
        """Give a child a place to write to, where nothing else keeps it from writing."""
        if self._shield.landlock_version:
            return None
        jobs = Path(self._setup.folder, FolderPart.JOBS)
        folder = Path(tempfile.mkdtemp(dir=jobs))
        if self._shield.uid is not None:
            os.chown(folder, self._shield.uid, -1)
        return folder

    def _watch(self, pid: int, number: int | None = None, folder: Path | None = None) -> None:
        born = _Child(pid, os.pidfd_open(pid), number, folder)
        self._selector.register(born.watch, selectors.EVENT_READ, born)
        if number is not None:
            self._children[number] = born

    def _bury(self, dead: _Child) -> None:
        """Kill what it has left behind, reap it, tell the pool."""
        if dead.number is not None:
            # Not being reaped yet, it still owns its group's id.
            _kill(dead.pid)
        _, status, usage = os.wait4(dead.pid, 0)
        self._selector.unregister(dead.watch)
        os.close(dead.watch)
        if dead.folder is not None:
            with suppress(OSError):
                remove_tree(dead.folder)
        if dead.number is not None:
            del self._children[dead.number]
            death = read_usage(status, usage)
            words = (death.exit_code, death.cpu_s, death.peak_bytes)
            with suppress(OSError):
                self._control.send(pack(Word.ENDED, dead.number, *words))

    def _kill_all(self) -> None:
        for each in tuple(self._children.values()):
            _kill(each.pid)
            self._bury(each)


def _kill(pid: int) -> None:
    """Kill a child and its group, which it may not have founded yet."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _keep_only(channel: int, shield: Shield) -> None:
    """Close every descriptor of the zygote but a child's own."""
    kept = sorted({0, 1, 2, channel, *(rule.descriptor for rule in shield.rules)})
    for low, high in pairwise((*kept, os.sysconf("SC_OPEN_MAX"))):
        os.closerange(low + 1, high)
