"""Returns a column that broadcasts against a row to more than it is worth."""

import numpy as np


def answer(x):
    return np.zeros((2**20, 1))
