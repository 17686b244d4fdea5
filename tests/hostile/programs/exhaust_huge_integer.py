"""Returns an integer of forty million digits."""


def answer(x):
    return 1 << 2**27
