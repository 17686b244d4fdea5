"""Reads the memory of its ancestors and of the judge."""

import os


def answer(x):
    for number in (os.getppid(), int("@BYSTANDER@")):
        with open(f"/proc/{number}/maps") as file:
            start = int(file.readline().split("-")[0], 16)
        with open(f"/proc/{number}/mem", "rb", 0) as memory:
            memory.seek(start)
            if memory.read(16):
                return "PROBE_OK"
    return "nothing"
