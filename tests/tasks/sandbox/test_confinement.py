"""The limits are in force while the program runs, and reported."""

import sys

import pytest

from tasks.core.records import Limits
from tasks.sandbox.confinement import cpu_limit_s
from tasks.sandbox.wire import decode_values

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the layer exists on Linux only")


@ON_LINUX
def test_every_limit_is_in_force_and_named(run_program):
    names = ("CPU", "AS", "CORE", "NOFILE")
    expressions = [f"resource.getrlimit(resource.RLIMIT_{name})" for name in names]
    limits = Limits(cpu_s=6.5, wall_s=60.0, memory_bytes=2**30, frame_bytes=2**20)
    outcome = run_program("import resource", expressions, limits=limits)
    # The memory's hard limit leaves 32 MiB to report in; the processor's one second to stop in.
    assert decode_values(outcome.frames[0]) == [
        (7, 8),
        (2**30, 2**30 + 32 * 2**20),
        (0, 0),
        (256, 256),
    ]
    assert outcome.layers == ("session", "environment", "pdeathsig", "rlimits", "memory")


@ON_LINUX
def test_the_child_dies_with_its_parent_by_signal(run_program):
    program = "import ctypes\nn = ctypes.c_int()\nctypes.CDLL(None).prctl(2, ctypes.byref(n))"
    assert decode_values(run_program(program, ["n.value"]).frames[0]) == [9]


def test_processor_seconds_are_whole_and_at_least_one():
    assert [cpu_limit_s(Limits(cpu_s=s)) for s in (0.1, 1.0, 1.2, 30.0)] == [1, 1, 2, 30]
