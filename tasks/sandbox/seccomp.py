"""Takes from a process the system calls that it must not make: the seccomp layer.

A denied call fails with EPERM, so a library that only probes goes on. The filter is a program of
the kernel's classic BPF machine. It sees numbers, not what pointers point to; the two calls that
hide their flags so answer ENOSYS, upon which the C library takes their older forms.

A call by another architecture's numbers (32-bit code, or the x32 numbers of x86-64, which have a
bit of their own) kills: a filter for one set of numbers would misread them.
"""

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterable, Iterator, Mapping

from tasks.sandbox import kernel, syscalls
from tasks.sandbox.syscalls import ARCHITECTURES, Numbers

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000
_MODE_FILTER = 2

_LOAD, _AND, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT, _ARGUMENT_BYTES = 0, 4, 16, 8
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_DENY = 0x00050000 | errno.EPERM
_UNKNOWN = 0x00050000 | errno.ENOSYS

_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020080
# A truncation through a descriptor for reading; only later versions of Landlock know of it.
_TRUNCATING = os.O_ACCMODE | os.O_TRUNC
_FIRST, _SECOND, _THIRD = 0, 1, 2
# Put characters into a terminal's input; choose who gets the signals of a descriptor.
_IOCTLS = (0x5412, 0x541C, 0x8901, 0x8902)
_FCNTLS = (8, 10, 15)

_Instruction = tuple[int, int, int, int]


def is_supported() -> bool:
    """Whether the kernel takes filters, and the tables have this machine's numbers."""
    if os.uname().machine not in ARCHITECTURES or sys.maxsize <= 2**32:
        return False
    try:
        kernel.prctl(kernel.PR_SET_SECCOMP, _MODE_FILTER)
    except OSError as error:
        # It has looked at the filter, of which there was none.
        return error.errno == errno.EFAULT
    return False


def build_filter(machine: str, own_pid: int) -> bytes:
    """Write the filter of a process, which may signal nobody but `own_pid`."""
    column = ARCHITECTURES.index(machine)
    program = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        *([(_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _KILL)] if machine == "x86_64" else []),
        *_flat(_answer(n, _DENY) for n in _numbers(syscalls.DENIED, column)),
        *_flat(_answer(n, _UNKNOWN) for n in _numbers(syscalls.HIDING_FLAGS, column)),
        *_flat(_arguments(column, own_pid)),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def install(program: bytes) -> None:
    """Put a filter in force, for good; needs `no_new_privs`."""
    length = len(program) // 8
    buffer = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: a count, padding, a pointer
    header = struct.pack("@HP", length, ctypes.addressof(buffer))
    pointer = ctypes.create_string_buffer(header, len(header))
    kernel.prctl(kernel.PR_SET_SECCOMP, _MODE_FILTER, ctypes.c_void_p(ctypes.addressof(pointer)))


def _arguments(column: int, own_pid: int) -> Iterator[list[_Instruction]]:
    """Judge the calls that are denied for some arguments only."""
    for number in _numbers(syscalls.OWN_PROCESS_ONLY, column):
        yield _unless(number, _FIRST, (own_pid,))
    for number in _numbers(syscalls.OWN_PROCESS_OR_ZERO, column):
        yield _unless(number, _FIRST, (0, own_pid))
    for numbers, position, values in (
        (syscalls.PRCTL, _FIRST, (kernel.PR_SET_PDEATHSIG,)),
        (syscalls.IOCTL, _SECOND, _IOCTLS),
        (syscalls.FCNTL, _SECOND, _FCNTLS),
    ):
        yield _if(numbers[column], position, values)
    yield _if(syscalls.OPEN[column], _SECOND, (os.O_TRUNC,), mask=_TRUNCATING)
    yield _if(syscalls.OPENAT[column], _THIRD, (os.O_TRUNC,), mask=_TRUNCATING)
    yield _clone(syscalls.CLONE[column])


def _clone(number: int | None) -> list[_Instruction]:
    """Let threads start, but neither processes nor namespaces."""
    return _of(
        number,
        [
            _load(_FIRST),
            (_ANY_BIT, 0, 1, _CLONE_NAMESPACES),
            (_RETURN, 0, 0, _DENY),
            (_ANY_BIT, 1, 0, _CLONE_THREAD),
            (_RETURN, 0, 0, _DENY),
            (_RETURN, 0, 0, _ALLOW),
        ],
    )


def _if(
    number: int | None, position: int, values: Iterable[int], mask: int | None = None
) -> list[_Instruction]:
    """Deny a call when an argument has one of these values."""
    masked = [] if mask is None else [(_AND, 0, 0, mask)]
    tests = _flat([(_EQUAL, 0, 1, value), (_RETURN, 0, 0, _DENY)] for value in values)
    return _of(number, [_load(position), *masked, *tests, (_RETURN, 0, 0, _ALLOW)])


def _unless(number: int, position: int, values: Iterable[int]) -> list[_Instruction]:
    """Deny a call when an argument has none of these values."""
    tests = _flat([(_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW)] for value in values)
    return _of(number, [_load(position), *tests, (_RETURN, 0, 0, _DENY)])


def _of(number: int | None, body: list[_Instruction]) -> list[_Instruction]:
    return [] if number is None else [(_EQUAL, 0, len(body), number), *body]


def _answer(number: int, answer: int) -> list[_Instruction]:
    return _of(number, [(_RETURN, 0, 0, answer)])


def _load(position: int) -> _Instruction:
    # The lower half of the argument, on little-endian machines; the kernel reads no more of it.
    return (_LOAD, 0, 0, _ARGUMENTS_AT + _ARGUMENT_BYTES * position)


def _numbers(table: Mapping[str, Numbers], column: int) -> Iterator[int]:
    for numbers in table.values():
        if (number := numbers[column]) is not None:
            yield number


def _flat(groups: Iterable[list[_Instruction]]) -> list[_Instruction]:
    return [instruction for group in groups for instruction in group]
