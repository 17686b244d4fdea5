"""Returns arrays of a few strings, each a million characters wide."""

import numpy as np


def answer(x):
    return np.array(["x" * 2**20, "y", "z"])
