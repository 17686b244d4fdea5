"""Looks into the working directories of programs that run beside it."""

import os


def answer(x):
    here = os.getcwd()
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            folder = os.readlink(f"/proc/{number}/cwd")
            if folder != here and os.listdir(folder) is not None:
                return "PROBE_OK"
        except OSError:
            continue
    return "nothing"
