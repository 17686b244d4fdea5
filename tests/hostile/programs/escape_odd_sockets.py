"""Opens sockets of the kernel's rarer families, where its bugs have been."""

import socket


def answer(x):
    for family, kind in ((16, socket.SOCK_RAW), (38, socket.SOCK_SEQPACKET), (17, socket.SOCK_RAW)):
        try:
            socket.socket(family, kind).close()
        except OSError:
            continue
        return "PROBE_OK"
    return "nothing"
