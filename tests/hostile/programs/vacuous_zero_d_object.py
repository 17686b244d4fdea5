"""Returns an array without dimensions that holds an empty array."""

import numpy as np


def answer(x):
    value = np.empty((), object)
    value[()] = np.empty((0, 1))
    return value
