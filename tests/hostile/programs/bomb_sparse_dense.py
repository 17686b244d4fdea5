"""Returns an empty sparse matrix whose dense form does not fit into any memory."""

from scipy import sparse


def answer(x):
    return sparse.csr_matrix((2**20, 2**20))
