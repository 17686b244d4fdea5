"""Sends a frame one byte at a time, for ever."""

import itertools
import os
import time


def answer(x):
    for number in range(3, 256):
        try:
            os.write(number, b"F" + (2**20).to_bytes(8, "big"))
        except OSError:
            continue
        for _ in itertools.count():
            os.write(number, b"\0")
            time.sleep(0.05)
