"""Returns a sparse matrix without rows."""

from scipy import sparse


def answer(x):
    return sparse.csr_matrix((0, 3))
