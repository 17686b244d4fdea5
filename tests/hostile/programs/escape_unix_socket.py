"""Connects to a service's socket in the file system, as for a container engine."""

import socket


def answer(x):
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect("@SOCKET@")
    return "PROBE_OK"
