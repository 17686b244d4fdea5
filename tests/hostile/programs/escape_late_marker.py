"""Leaves a process behind that writes a file after the verdict."""

import os
import time


def answer(x):
    if os.fork() == 0:
        try:
            os.setsid()
            time.sleep(0.7)
            with open("@MARKERS@/late", "w") as file:
                file.write("x")
        finally:
            os._exit(0)
    time.sleep(0.1)
    return "left"
