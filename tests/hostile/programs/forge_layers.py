"""Reports a second start, under a confinement that is not in force."""

import json
import os

payload = json.dumps(["landlock", "seccomp", "namespaces", "forged"]).encode()
for number in range(3, 256):
    try:
        os.write(number, b"S" + len(payload).to_bytes(8, "big") + payload)
    except OSError:
        continue


def answer(x):
    return x * x + 0.5
