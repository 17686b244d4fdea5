"""Runs a program that is in no file."""

import os


def answer(x):
    program = os.memfd_create("program", 0)
    os.write(program, b"#!/bin/sh\nexit 42\n")
    number = os.fork()
    if number == 0:
        try:
            os.execve(f"/proc/self/fd/{program}", ["program"], {})
        finally:
            os._exit(1)
    _, status = os.waitpid(number, 0)
    return "PROBE_OK" if os.waitstatus_to_exitcode(status) == 42 else "nothing"
