"""Sends frames whose skeleton is deeply nested, not text, or not JSON."""

import os

skeletons = [b"[" * 200_000, b"\xff\xfe" * 50, b'[{"__class__": "ndarray"}]']
for number in range(3, 256):
    for skeleton in skeletons:
        payload = len(skeleton).to_bytes(8, "big") + skeleton
        try:
            os.write(number, b"F" + len(payload).to_bytes(8, "big") + payload)
        except OSError:
            break
os._exit(0)
