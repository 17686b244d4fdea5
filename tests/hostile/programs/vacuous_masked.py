"""Returns an array in which every element is masked."""

import numpy as np


def answer(x):
    return np.ma.masked_all(3)
