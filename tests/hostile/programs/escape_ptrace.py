"""Attaches to another process as a debugger does."""

import ctypes
import os


def answer(x):
    libc, number = ctypes.CDLL(None, use_errno=True), int("@BYSTANDER@")
    if libc.ptrace(0x4206, number, 0, 0):
        return "nothing"
    libc.ptrace(0x4207, number, 0, 0)
    os.waitpid(number, os.WSTOPPED | 0x40000000)
    libc.ptrace(17, number, 0, 0)
    return "PROBE_OK"
