"""Returns a range of a million million numbers, twenty bytes on the wire."""


def answer(x):
    return range(10**12)
