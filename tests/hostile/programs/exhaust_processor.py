"""Computes for ever and ignores the signal that asks it to stop."""

import signal


def answer(x):
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    while True:
        pass
