"""Looks for a key in its own environment, arguments and inherited memory."""

import os


def answer(x):
    text = repr(dict(os.environ)).encode()
    for name in ("environ", "cmdline"):
        with open(f"/proc/self/{name}", "rb") as file:
            text += file.read()
    return "PROBE_OK" if b"hostile-secret" in text else "nothing"
