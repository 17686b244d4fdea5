"""Announces a frame and leaves in the middle of it."""

import os

for number in range(3, 256):
    try:
        os.write(number, b"F" + (1000).to_bytes(8, "big") + b"\0" * 500)
    except OSError:
        continue
os._exit(0)
