"""Returns a view that is a number in memory and eight terabytes when written out."""

import numpy as np


def answer(x):
    return np.broadcast_to(np.float64(0), (2**20, 2**20))
