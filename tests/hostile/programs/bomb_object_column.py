"""Returns a long object array, which is compared element by element in the interpreter."""

import numpy as np


def answer(x):
    return np.zeros((2**16, 1), object)
