"""May send signals to others by the less known calls."""

import ctypes


def answer(x):
    libc = ctypes.CDLL(None)
    number, info = int("@BYSTANDER@"), ctypes.create_string_buffer(128)
    ctypes.c_int.from_buffer(info, 8).value = -1
    calls = {62: (number, 0), 129: (number, 0, info), 200: (number, 0), 234: (number, number, 0)}
    done = [libc.syscall(call, *arguments) for call, arguments in calls.items()]
    return "PROBE_OK" if 0 in done else "nothing"
