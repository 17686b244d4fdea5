"""Opens files until none are left."""

import os


def answer(x):
    opened = []
    try:
        while len(opened) < 5000:
            opened.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    return "PROBE_OK" if len(opened) == 5000 else "nothing"
