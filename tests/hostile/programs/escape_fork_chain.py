"""Runs away from its killer: every process starts its successor in a new session and ends."""

import ctypes
import os
import time


def answer(x):
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(15, b"hostile-chain", 0, 0, 0)
        os.closerange(0, 256)
        for _ in range(30):
            os.setsid()
            time.sleep(0.1)
            if os.fork():
                os._exit(0)
        time.sleep(100)
        os._exit(0)
    time.sleep(0.2)
    return "left"
