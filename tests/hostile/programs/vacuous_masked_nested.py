"""Hides masked numbers two object arrays deep."""

import numpy as np


def answer(x):
    value = np.ma.array([0.0], mask=[True])
    for _ in range(2):
        outer = np.empty(1, object)
        outer[0] = value
        value = outer
    return value
