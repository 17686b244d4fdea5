"""May send signals to the process that started it."""

import os


def answer(x):
    os.kill(os.getppid(), 0)
    return "PROBE_OK"
