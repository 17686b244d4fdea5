"""Leaves a process behind in a process group of its own."""

import ctypes
import os
import signal
import time


def answer(x):
    if os.fork() == 0:
        os.setpgid(0, 0)
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        ctypes.CDLL(None).prctl(15, b"hostile-group", 0, 0, 0)
        time.sleep(100)
        os._exit(0)
    time.sleep(0.1)
    return "left"
