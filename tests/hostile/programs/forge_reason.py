"""Reports endings that only the pool may conclude, among them a verdict."""

import json
import os

for ending in ("passed", "timed_out", "COMPLETED", None, ["completed"], {"ending": "completed"}):
    payload = json.dumps([ending, ""]).encode()
    for number in range(3, 256):
        try:
            os.write(number, b"E" + len(payload).to_bytes(8, "big") + payload)
        except OSError:
            continue
os._exit(0)
