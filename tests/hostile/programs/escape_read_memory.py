"""Reads another process's memory through a system call."""

import ctypes
import os


class Span(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def answer(x):
    address = ctypes.addressof(ctypes.c_int())
    target = ctypes.create_string_buffer(8)
    number = int("@BYSTANDER@")
    with open(f"/proc/{number}/maps") as file:
        address = int(file.readline().split("-")[0], 16)
    local, remote = Span(ctypes.addressof(target), 8), Span(address, 8)
    read = ctypes.CDLL(None).process_vm_readv
    done = read(number, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)
    return "PROBE_OK" if done == 8 and os.getpid() != number else "nothing"
