"""Stands in for the comparisons of SciCode's harness, without any guard of ours."""

import numpy as np
from scipy import sparse
from sympy import Symbol


def cmp_tuple_or_list(one, other) -> bool:
    """Compare element by element."""
    if len(one) != len(other):
        return False
    return all(_agree(a, b) for a, b in zip(one, other, strict=True))


def are_dicts_close(one, other, atol=1e-8, rtol=1e-5) -> bool:
    """Compare value by value; symbols count as their names."""
    one, other = _named(one), _named(other)
    return one.keys() == other.keys() and all(_agree(one[k], other[k], atol, rtol) for k in one)


def are_csc_matrix_close(one, other) -> bool:
    """Compare sparse matrices as dense ones."""
    return one.shape == other.shape and bool(np.allclose(one.toarray(), other.toarray()))


def _agree(a, b, atol=1e-8, rtol=1e-5) -> bool:
    if isinstance(a, dict):
        return are_dicts_close(a, b, atol, rtol)
    if sparse.issparse(a):
        return are_csc_matrix_close(a, b)
    if isinstance(a, bool | str):
        return a == b
    try:
        return bool(np.allclose(a, b, atol=atol, rtol=rtol))
    except ValueError:
        return a == b


def _named(values) -> dict:
    def name(thing):
        return str(thing) if isinstance(thing, Symbol) else thing

    return {name(key): name(value) for key, value in values.items()}
