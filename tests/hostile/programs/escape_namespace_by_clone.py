"""Makes a user namespace by starting a process in it, with the old call and the new one."""

import ctypes
import os


def answer(x):
    libc, own = ctypes.CDLL(None), os.getpid()
    arguments = (ctypes.c_uint64 * 8)(0x10000000, 0, 0, 0, 17, 0, 0, 0)
    for call in ((435, ctypes.byref(arguments), 64), (56, 0x10000000 | 17, 0, 0, 0, 0)):
        number = libc.syscall(*call)
        if os.getpid() != own:
            os._exit(0)
        if number > 0:
            os.waitpid(number, 0)
            return "PROBE_OK"
    return "nothing"
