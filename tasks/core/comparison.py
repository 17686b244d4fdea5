"""The judge's numpy and SciCode's comparators, guarded against comparisons that hold for nothing.

`np.allclose(np.zeros((0, 1)), anything)` is True, `all` over no elements is, and two small arrays
can broadcast to one that fills the memory. All are refused here. The comparators have the
semantics of SciCode's `scicode.compare.cmp`: default tolerances of numpy (rtol 1e-5, atol 1e-8),
sympy symbols compared as strings.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from scipy import sparse

RTOL = 1e-5
ATOL = 1e-8
MAX_BROADCAST_ELEMENTS = 2**26


class VacuousComparisonError(ValueError):
    """A comparison that says nothing: no elements against some, or more than memory allows."""


def allclose(
    a: object,
    b: object,
    rtol: float = RTOL,
    atol: float = ATOL,
    equal_nan: bool = False,  # noqa: FBT001, FBT002 - numpy's own signature
) -> bool:
    """Tell whether two array-likes agree within tolerance; never true for want of elements."""
    _guard(a, b)
    return bool(np.allclose(cast("Any", a), cast("Any", b), rtol, atol, equal_nan))


def isclose(
    a: object,
    b: object,
    rtol: float = RTOL,
    atol: float = ATOL,
    equal_nan: bool = False,  # noqa: FBT001, FBT002 - numpy's own signature
) -> object:
    """Compare two array-likes element by element; never for want of elements."""
    _guard(a, b)
    return np.isclose(cast("Any", a), cast("Any", b), rtol, atol, equal_nan)


def every(values: Iterable[object]) -> bool:
    """Tell whether all values hold, of which there is at least one; the judge's `all`."""
    compared = False
    for value in values:
        compared = True
        if not value:
            return False
    _require(compared=compared)
    return True


def every_element(values: object, *args: object, **kwargs: object) -> object:
    """Tell whether all elements hold, of which there is at least one; the judge's `np.all`."""
    _require(compared=np.size(cast("Any", values)) > 0)
    return np.all(cast("Any", values), *cast("Any", args), **cast("Any", kwargs))


def _require(*, compared: bool) -> None:
    if not compared:
        raise VacuousComparisonError("nothing was compared: there are no elements")


class GuardedNumpy:
    """numpy as the judge's cases see it: everything of `np`, with the guarded comparisons."""

    allclose = staticmethod(allclose)
    isclose = staticmethod(isclose)

    def __getattr__(self, name: str) -> object:
        return getattr(np, name)


def _guard(a: object, b: object) -> None:
    shapes = [np.shape(cast("Any", side)) for side in (a, b)]
    empty = [0 in shape for shape in shapes]
    if empty[0] != empty[1]:
        raise VacuousComparisonError(
            f"shapes {shapes[0]} and {shapes[1]}: one side has no elements, the other has some"
        )
    elements = int(np.prod(np.broadcast_shapes(*shapes), dtype=np.float64))
    if elements > MAX_BROADCAST_ELEMENTS:
        raise VacuousComparisonError(
            f"shapes {shapes[0]} and {shapes[1]} broadcast to {elements} elements; "
            f"at most {MAX_BROADCAST_ELEMENTS} are compared"
        )


def cmp_tuple_or_list(var1: Sequence[object], var2: Sequence[object]) -> bool:
    """Tell whether two sequences have the same length and agree element by element."""
    if len(var1) != len(var2):
        return False
    return all(map(_agree, var1, var2))


def _agree(a: object, b: object) -> bool:
    if isinstance(a, Mapping):
        return are_dicts_close(cast("Mapping[object, object]", a), b)
    if sparse.issparse(a):
        return are_csc_matrix_close(a, b)
    if isinstance(a, bool | str):
        return bool(a == b)
    return _numbers_agree(a, b, RTOL, ATOL)


def _numbers_agree(a: object, b: object, rtol: float, atol: float) -> bool:
    try:
        return allclose(a, b, rtol, atol)
    except VacuousComparisonError:
        raise
    except ValueError:
        # Not comparable as arrays (ragged nesting, shapes that do not fit): equal or not.
        return bool(a == b)


def are_dicts_close(
    dict1: object,
    dict2: object,
    atol: float = ATOL,
    rtol: float = RTOL,
) -> bool:
    """Tell whether two dictionaries have equal keys and values that agree within tolerance."""
    if not (isinstance(dict1, Mapping) and isinstance(dict2, Mapping)):
        return False
    first, second = cast("Mapping[object, object]", dict1), cast("Mapping[object, object]", dict2)
    if set(first) != set(second):
        return False
    for key, value in first.items():
        other = second[key]
        if isinstance(value, str):
            agree = bool(value == other)
        elif sparse.issparse(value):
            agree = _dense_close(value, other, rtol, atol)
        else:
            agree = _numbers_agree(value, other, rtol, atol)
        if not agree:
            return False
    return True


def are_csc_matrix_close(matrix1: object, matrix2: object) -> bool:
    """Tell whether two sparse matrices have the same shape and agree within tolerance."""
    return _dense_close(matrix1, matrix2, RTOL, ATOL)


def _dense_close(a: object, b: object, rtol: float, atol: float) -> bool:
    if not (sparse.issparse(a) and sparse.issparse(b)):
        return False
    if np.shape(cast("Any", a)) != np.shape(cast("Any", b)):
        return False
    return allclose(_dense(a), _dense(b), rtol, atol)


def _dense(value: object) -> object:
    matrix = cast("Any", value)
    elements = int(np.prod(matrix.shape, dtype=np.float64))
    if elements > MAX_BROADCAST_ELEMENTS:
        raise VacuousComparisonError(
            f"a sparse matrix of shape {matrix.shape} has {elements} elements; "
            f"at most {MAX_BROADCAST_ELEMENTS} are compared"
        )
    return matrix.toarray()
