"""Takes all the memory that it can get, in pieces."""


def answer(x):
    kept = []
    while True:
        kept.append(bytearray(2**24))
