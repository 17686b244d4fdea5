"""Changes settings of the machine where it runs as a privileged user."""

import socket


def answer(x):
    socket.sethostname(socket.gethostname())
    return "PROBE_OK"
