"""Sends arrays with negative, overflowing and broadcast-everything shapes."""

import json
import os

nodes = [["a", "<f8", [-1]], ["a", "<f8", [2**62, 4]], ["o", [0, 2**62]], ["k", "l", "d", -1]]
for number in range(3, 256):
    for node in nodes:
        skeleton = json.dumps([node]).encode()
        payload = len(skeleton).to_bytes(8, "big") + skeleton
        try:
            os.write(number, b"F" + len(payload).to_bytes(8, "big") + payload)
        except OSError:
            break
os._exit(0)
