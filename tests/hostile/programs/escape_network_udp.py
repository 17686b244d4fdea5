"""Sends a datagram, as a name server query or a leak would."""

import socket


def answer(x):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.sendto(b"target", ("127.0.0.1", int("@PORT@")))
    return "PROBE_OK"
