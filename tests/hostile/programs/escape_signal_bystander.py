"""May send signals to a process that has nothing to do with it."""

import os
import signal


def answer(x):
    try:
        os.kill(int("@BYSTANDER@"), 0)
    except OSError:
        signal.pidfd_send_signal(os.pidfd_open(int("@BYSTANDER@")), 0)
    return "PROBE_OK"
