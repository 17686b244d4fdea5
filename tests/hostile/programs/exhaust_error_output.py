"""Writes to standard error for as long as it may run."""

import os


def answer(x):
    line = b"x" * 2**16
    while True:
        os.write(2, line)
