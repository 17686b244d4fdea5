"""Stops itself, so that it neither runs nor ends."""

import os
import signal


def answer(x):
    os.kill(os.getpid(), signal.SIGSTOP)
    return x
