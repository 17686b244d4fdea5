"""Sends a pickle that runs a command where a frame is expected, and as a message of its own."""

import os
import pickle


class Trap:
    def __reduce__(self):
        return os.system, ("touch @MARKERS@/unpickled",)


payload = pickle.dumps(Trap())
for number in range(3, 256):
    try:
        os.write(number, b"F" + len(payload).to_bytes(8, "big") + payload + payload)
    except OSError:
        continue
os._exit(0)
