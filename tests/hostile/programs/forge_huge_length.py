"""Announces a frame of 2^63 bytes and leaves."""

import os

for number in range(3, 256):
    try:
        os.write(number, b"F" + (2**63).to_bytes(8, "big") + b"x")
    except OSError:
        continue
os._exit(0)
