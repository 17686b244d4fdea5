"""Returns a sparse matrix whose indices point outside of it."""

import numpy as np
from scipy import sparse


def answer(x):
    matrix = sparse.csr_matrix(np.eye(3))
    matrix.indices[:] = 2**30
    matrix.data[:] = np.nan
    return matrix
