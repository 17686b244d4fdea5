"""Connects to a service on this machine."""

import socket


def answer(x):
    with socket.create_connection(("127.0.0.1", int("@PORT@")), 1):
        return "PROBE_OK"
