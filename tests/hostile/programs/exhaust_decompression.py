"""Unpacks a small text into more than the memory."""

import zlib


def answer(x):
    small = zlib.compress(bytes(2**26), 9)
    return [zlib.decompress(small) for _ in range(100)]
