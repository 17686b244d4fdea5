"""Returns masked and object arrays where a sparse matrix is expected."""

import numpy as np


def answer(x):
    objects = np.empty((3, 3), object)
    for index in range(9):
        objects.flat[index] = np.ma.array([0.0], mask=[True])
    return objects
