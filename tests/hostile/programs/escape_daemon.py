"""Leaves a process behind that belongs to no group, terminal or parent of the sandbox."""

import ctypes
import os
import time


def answer(x):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        ctypes.CDLL(None).prctl(15, b"hostile-daemon", 0, 0, 0)
        os.closerange(0, 256)
        time.sleep(100)
        os._exit(0)
    os.wait()
    return "left"
