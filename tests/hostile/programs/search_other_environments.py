"""Looks for a key in the environment of every other process."""

import os


def answer(x):
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{number}/environ", "rb") as file:
                if b"hostile-secret" in file.read():
                    return "PROBE_OK"
        except OSError:
            continue
    return "nothing"
