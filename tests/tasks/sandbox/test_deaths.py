"""A limit is told from a suicide by the processor time that the kernel counted."""

import signal

import pytest

from tasks.core.records import Ending, Limits
from tasks.sandbox.deaths import Death, classify, is_violation, with_stderr

LIMITS = Limits(cpu_s=10.0)


@pytest.mark.parametrize(
    ("exit_code", "cpu_s", "ending", "words"),
    [
        (-signal.SIGXCPU, 10.1, Ending.TIMED_OUT, "CPU limit of 10 s"),
        (-signal.SIGXCPU, 9.95, Ending.TIMED_OUT, "CPU limit of 10 s"),
        (-signal.SIGKILL, 11.0, Ending.TIMED_OUT, "CPU limit of 10 s"),
        (-signal.SIGXCPU, 0.2, Ending.KILLED, "SIGXCPU"),
        (-signal.SIGKILL, 5.0, Ending.KILLED, "SIGKILL"),
        (-signal.SIGSEGV, 11.0, Ending.KILLED, "SIGSEGV"),
        (0, 11.0, Ending.KILLED, "exited without reporting (status 0)"),
        (7, 0.1, Ending.KILLED, "exited without reporting (status 7)"),
        (-40, 0.1, Ending.KILLED, "signal 40"),
    ],
)
def test_a_death_is_read_by_signal_and_time(exit_code, cpu_s, ending, words):
    found, detail = classify(Death(exit_code, cpu_s), LIMITS)
    assert found is ending
    assert words in detail


def test_a_fraction_of_a_second_counts_as_the_kernel_counts_it():
    limits = Limits(cpu_s=1.5)
    assert classify(Death(-signal.SIGXCPU, 1.4), limits)[0] is Ending.KILLED
    assert classify(Death(-signal.SIGXCPU, 1.6), limits) == (
        Ending.TIMED_OUT,
        "CPU limit of 2 s reached",
    )


def test_a_system_call_of_another_architecture_is_a_violation():
    assert is_violation(Death(-signal.SIGSYS, 0.1))
    assert not is_violation(Death(-signal.SIGKILL, 0.1))
    assert not is_violation(Death(signal.SIGSYS, 0.1))


def test_the_tail_of_stderr_fits_into_a_detail():
    assert with_stderr("why", b"  \n") == "why"
    assert with_stderr("why", b"last words\n") == "why\nlast words"
    detail = with_stderr("why", b"x" * 5000 + b"end")
    assert len(detail) == 2000
    assert detail.startswith("why\nx")
    assert detail.endswith("end")
