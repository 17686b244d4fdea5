"""Makes a file that is a terabyte long and holds nothing."""

import os


def answer(x):
    with open("huge", "wb") as file:
        file.truncate(2**40)
    return "PROBE_OK" if os.path.getsize("huge") == 2**40 else "nothing"
