"""Copies an open descriptor out of another process."""

import ctypes
import os


def answer(x):
    process = os.pidfd_open(int("@BYSTANDER@"))
    return "PROBE_OK" if ctypes.CDLL(None).syscall(438, process, 0, 0) >= 0 else "nothing"
