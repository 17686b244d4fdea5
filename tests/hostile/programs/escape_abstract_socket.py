"""Opens a socket that has no file, to be found by an accomplice."""

import os
import socket


def answer(x):
    with socket.socket(socket.AF_UNIX) as channel:
        channel.bind(f"\0hostile-{os.getpid()}")
        channel.listen()
    return "PROBE_OK"
