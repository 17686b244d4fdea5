"""Kills its own process with a signal that looks like somebody else's doing."""

import os
import signal


def answer(x):
    os.kill(os.getpid(), signal.SIGTERM)
