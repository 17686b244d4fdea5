"""Returns records without fields and records without rows."""

import numpy as np


def answer(x):
    return np.zeros(3, np.dtype([])) if np.ndim(x) else np.zeros(0, [("a", "f8")])
