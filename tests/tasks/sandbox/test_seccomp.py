"""The filter answers each system call as the tables say, on both architectures."""

import errno
import os
import struct

import pytest

from tasks.sandbox import syscalls
from tasks.sandbox.seccomp import build_filter

OWN_PID = 4242
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, KILL = 0x7FFF0000, 0x80000000
EPERM, ENOSYS = 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
MACHINES = ("x86_64", "aarch64")


def answer(program: bytes, arch: int, number: int, *arguments: int) -> int:
    """Run a filter as the kernel would: an accumulator, jumps forward, one return."""
    words = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, arch, 0, *(w & (2**64 - 1) for w in words))
    code = list(struct.iter_unpack("=HBBI", program))
    value, at = 0, 0
    while True:
        operation, on_true, on_false, operand = code[at]
        at += 1
        if operation == 0x06:
            return operand
        if operation == 0x20:
            (value,) = struct.unpack_from("<I", data, operand)
        elif operation == 0x54:
            value &= operand
        else:
            holds = {
                0x15: value == operand,
                0x35: value >= operand,
                0x45: bool(value & operand),
            }[operation]
            at += on_true if holds else on_false


def ask(machine: str, numbers: syscalls.Numbers, *arguments: int) -> int:
    number = numbers[MACHINES.index(machine)]
    assert number is not None
    return answer(build_filter(machine, OWN_PID), AUDIT[machine], number, *arguments)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_denied_call_fails_with_eperm(machine):
    program = build_filter(machine, OWN_PID)
    numbers = [pair[MACHINES.index(machine)] for pair in syscalls.DENIED.values()]
    assert {answer(program, AUDIT[machine], n, 1, 2, 3) for n in numbers if n is not None} == {
        EPERM
    }
    assert len([n for n in numbers if n is not None]) > 80


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_that_hide_their_flags_are_unknown(machine):
    for numbers in syscalls.HIDING_FLAGS.values():
        assert ask(machine, numbers) == ENOSYS


@pytest.mark.parametrize(
    ("machine", "name", "number"),
    [
        *(("x86_64", *pair) for pair in (("read", 0), ("mmap", 9), ("futex", 202), ("exit", 231))),
        *(("x86_64", *pair) for pair in (("socketpair", 53), ("getrandom", 318), ("stat", 4))),
        *(("aarch64", *pair) for pair in (("read", 63), ("mmap", 222), ("futex", 98))),
        *(("aarch64", *pair) for pair in (("exit", 94), ("socketpair", 199), ("getrandom", 278))),
    ],
)
def test_calls_that_every_program_makes_are_allowed(machine, name, number):
    program = build_filter(machine, OWN_PID)
    assert answer(program, AUDIT[machine], number) == ALLOW, name


@pytest.mark.parametrize("machine", MACHINES)
def test_only_the_own_process_gets_signals(machine):
    for numbers in syscalls.OWN_PROCESS_ONLY.values():
        assert ask(machine, numbers, OWN_PID, 15) == ALLOW
        # Its group, all processes, the first one, and the negative of its own number.
        for target in (0, -1, 1, -OWN_PID, OWN_PID + 1):
            assert ask(machine, numbers, target, 15) == EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_only_the_own_process_has_its_limits_and_cores_set(machine):
    for numbers in syscalls.OWN_PROCESS_OR_ZERO.values():
        assert ask(machine, numbers, 0) == ALLOW
        assert ask(machine, numbers, OWN_PID) == ALLOW
        assert ask(machine, numbers, 1) == EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_threads_start_and_processes_do_not(machine):
    # What the C library passes for a thread, and for fork(): SIGCHLD with two thread-id flags.
    assert ask(machine, syscalls.CLONE, 0x003D0F00) == ALLOW
    assert ask(machine, syscalls.CLONE, 0x01200011) == EPERM
    for namespace in (0x00020000, 0x02000000, 0x10000000, 0x20000000, 0x40000000):
        assert ask(machine, syscalls.CLONE, 0x003D0F00 | namespace) == EPERM
        assert ask(machine, syscalls.CLONE, 0x11 | namespace) == EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_the_death_signal_stays_and_other_attributes_can_be_set(machine):
    assert ask(machine, syscalls.PRCTL, 1) == EPERM
    assert ask(machine, syscalls.PRCTL, 15) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_terminals_and_owners_of_signals_are_left_alone(machine):
    assert ask(machine, syscalls.IOCTL, 0, 0x5412) == EPERM
    assert ask(machine, syscalls.IOCTL, 0, 0x5401) == ALLOW
    assert ask(machine, syscalls.FCNTL, 5, 8) == EPERM
    assert ask(machine, syscalls.FCNTL, 5, 3) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_a_file_is_not_cut_off_by_opening_it_for_reading(machine):
    assert ask(machine, syscalls.OPENAT, 3, 0, os.O_RDONLY | os.O_TRUNC) == EPERM
    assert ask(machine, syscalls.OPENAT, 3, 0, os.O_RDONLY | os.O_CLOEXEC) == ALLOW
    # With the right to write, what holds is that right, which another layer guards.
    assert ask(machine, syscalls.OPENAT, 3, 0, os.O_WRONLY | os.O_TRUNC) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_another_architecture_is_killed(machine):
    program = build_filter(machine, OWN_PID)
    (other,) = set(AUDIT) - {machine}
    assert answer(program, AUDIT[other], 0) == KILL
    assert answer(program, 0x40000003, 20) == KILL  # i386


def test_x32_numbers_are_killed():
    program = build_filter("x86_64", OWN_PID)
    assert answer(program, AUDIT["x86_64"], 0x40000000 | 41) == KILL
    assert answer(program, AUDIT["x86_64"], -1) == KILL
