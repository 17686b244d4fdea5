"""Returns arrays of sixty dimensions and of huge lengths that hold nothing."""

import numpy as np


def answer(x):
    return np.zeros((1,) * 60) if len(x) > 2 else np.zeros((2**40, 0))
