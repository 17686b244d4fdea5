"""Tries calls that a computation never needs: bpf, keys, perf, userfaultfd, kernel modules."""

import ctypes


def answer(x):
    libc, zeros = ctypes.CDLL(None), ctypes.create_string_buffer(256)
    ctypes.c_int.from_buffer(zeros, 4).value = 128
    calls = ((321, 5, zeros, 64), (250, 0, -3, 0), (298, zeros, 0, -1, -1, 0), (323, 0))
    return "PROBE_OK" if any(libc.syscall(*call) >= 0 for call in calls) else "nothing"
