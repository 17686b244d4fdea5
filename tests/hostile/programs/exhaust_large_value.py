"""Returns an array larger than a frame may be."""

import numpy as np


def answer(x):
    return np.ones(2**23)
