"""May send signals to every process at once."""

import os


def answer(x):
    os.kill(-1, 0)
    return "PROBE_OK"
