"""Leaves data in shared memory for a later program to find."""

import os


def answer(x):
    path = f"/dev/shm/hostile-{os.getpid()}"
    with open(path, "wb") as file:
        file.write(b"x")
    os.unlink(path)
    return "PROBE_OK"
