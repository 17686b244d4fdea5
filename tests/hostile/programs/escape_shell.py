"""Runs another program."""

import subprocess


def answer(x):
    done = subprocess.run(["/bin/sh", "-c", "echo PROBE_OK"], capture_output=True, text=True)
    return done.stdout
