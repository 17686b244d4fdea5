"""Runs one program and its cases in a process of its own, a fork of the zygote or a fresh one.

The job comes and the answers go through one descriptor. The program becomes `__main__`, as a
script would be; each case runs in its namespace and ships one frame before the next case begins.
Once the program has run, nothing in this process can be trusted: all that counts is on the wire.
"""

import builtins
import errno
import io
import linecache
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NoReturn

from tasks.core.records import ChildCase, Ending, Job
from tasks.sandbox.confinement import Shield, confine, release_memory_reserve
from tasks.sandbox.messages import (
    HEADER_BYTES,
    MessageKind,
    pack_ended,
    pack_header,
    pack_started,
    unpack_job,
)
from tasks.sandbox.traceback_text import describe, describe_syntax
from tasks.sandbox.wire import OversizedError, UnshippableError, encode_values

_PROGRAM = "<program>"
_CHUNK_BYTES = 2**20
# What a forbidden system call or path answers.
_DENIALS = frozenset({errno.EPERM, errno.EACCES, errno.EROFS})
# A chain of exceptions may be a ring.
_LONGEST_CHAIN = 100


@dataclass(frozen=True, slots=True)
class _CompiledCase:
    statements: CodeType
    ships: tuple[CodeType, ...]


class _Channel:
    """The child's end of the talk with the pool."""

    def __init__(self, descriptor: int) -> None:
        # Programs that the program starts must not hold the channel open.
        os.set_inheritable(descriptor, False)  # noqa: FBT003 — takes it by position only
        self._descriptor = descriptor
        self._owner = os.getpid()

    def receive(self) -> bytes:
        """Read the one message that comes in: the job."""
        header = self._read(HEADER_BYTES)
        return self._read(int.from_bytes(header[1:], "big"))

    def send(self, *parts: bytes) -> None:
        """Write a message; a fork of this process that got here has nothing to say."""
        if os.getpid() != self._owner:
            os._exit(0)
        for part in parts:
            view = memoryview(part)
            while view:
                view = view[os.write(self._descriptor, view) :]

    def _read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            chunk = os.read(self._descriptor, min(_CHUNK_BYTES, size - len(data)))
            if not chunk:
                raise EOFError(f"the job ended after {len(data)} of {size} bytes")
            data += chunk
        return bytes(data)


@dataclass(frozen=True, slots=True)
class _Report:
    ending: Ending
    detail: str = ""
    denied: bool = False


def serve(
    descriptor: int, parent: int, shield: Shield | None = None, folder: Path | None = None
) -> NoReturn:
    """Do one job, report, and leave without what an interpreter does at its end.

    Args:
        descriptor: where the job comes from and the answers go to.
        parent: the process that this one must not outlive.
        shield: confinement that a zygote has prepared.
        folder: this child's own place for files, where it is not the environment's.
    """
    channel = _Channel(descriptor)
    job, limits = unpack_job(channel.receive())
    cases = [_compile_case(case, number) for number, case in enumerate(job.cases, 1)]
    if folder is not None:
        os.environ["HOME"] = os.environ["TMPDIR"] = str(folder)
    # The pool reads a process that dies before STARTED as its own fault, not as the program's.
    channel.send(pack_started(confine(limits, parent, shield)))
    report = _run(job, cases, _Shipper(channel, limits.frame_bytes))
    channel.send(pack_ended(report.ending, report.detail, denied=report.denied))
    os._exit(0)


class _Shipper:
    """Sends the values of one case after another, within one limit for all."""

    def __init__(self, channel: _Channel, room: int) -> None:
        self._channel = channel
        self._room = room

    def ship(self, values: list[object]) -> None:
        frame = encode_values(values, self._room)
        self._room -= len(frame)
        self._channel.send(pack_header(MessageKind.FRAME, len(frame)), frame)


def _run(job: Job, cases: list[_CompiledCase], shipper: _Shipper) -> _Report:
    filenames = frozenset({_PROGRAM, *(_case_name(number) for number in range(1, len(cases) + 1))})
    try:
        _show_source(_PROGRAM, job.program)
        program = compile(job.program, _PROGRAM, "exec", dont_inherit=True)
    except MemoryError as error:
        return _out_of_memory(error, filenames)
    except Exception as error:
        # Besides SyntaxError: ValueError for bytes that are no text, RecursionError for depth.
        return _Report(Ending.SYNTAX_ERROR, describe_syntax(error))
    try:
        _execute(program, cases, shipper.ship)
    except MemoryError as error:
        return _out_of_memory(error, filenames)
    except UnshippableError as error:
        return _Report(Ending.UNSHIPPABLE, str(error))
    except OversizedError as error:
        return _Report(Ending.OVERSIZED, str(error))
    except BaseException as error:  # SystemExit and KeyboardInterrupt are the program's too
        return _Report(Ending.RAISED, describe(error, filenames), _was_denied(error))
    return _Report(Ending.COMPLETED)


def _execute(
    program: CodeType, cases: list[_CompiledCase], ship: Callable[[list[object]], None]
) -> None:
    main_module = ModuleType("__main__")
    sys.modules["__main__"] = main_module
    sys.argv = [""]
    namespace: dict[str, Any] = main_module.__dict__
    # exec would put the dict here; a script sees the module.
    namespace["__builtins__"] = builtins
    exec(program, namespace)  # noqa: S102 — running the program is what this process is for
    for case in cases:
        exec(case.statements, namespace)  # noqa: S102 — as above
        ship([eval(expression, namespace) for expression in case.ships])  # noqa: S307 — as above


def _compile_case(case: ChildCase, number: int) -> _CompiledCase:
    name = _case_name(number)
    _show_source(name, case.source)
    statements = compile(case.source, name, "exec", dont_inherit=True)
    ships = (compile(text, name, "eval", dont_inherit=True) for text in case.ships)
    return _CompiledCase(statements, tuple(ships))


def _case_name(number: int) -> str:
    return f"<case {number}>"


def _show_source(name: str, source: str) -> None:
    """Let tracebacks and `inspect` find the lines of a source that is in no file."""
    lines = io.StringIO(source, newline=None).readlines()
    linecache.cache[name] = (len(source), None, lines, name)


def _out_of_memory(error: MemoryError, filenames: frozenset[str]) -> _Report:
    release_memory_reserve()
    return _Report(Ending.OUT_OF_MEMORY, describe(error, filenames))


def _was_denied(error: BaseException) -> bool:
    """Whether the sandbox's refusal is what a program failed on, at once or in the end."""
    link: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):
        if link is None:
            break
        if isinstance(link, OSError) and link.errno in _DENIALS:
            return True
        link = link.__cause__ or link.__context__
    return False
