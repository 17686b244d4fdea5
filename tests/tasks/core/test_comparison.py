"""Comparisons have numpy's and SciCode's semantics, and none holds for want of elements."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse

from tasks.core.comparison import (
    GuardedNumpy,
    VacuousComparisonError,
    allclose,
    are_csc_matrix_close,
    are_dicts_close,
    cmp_tuple_or_list,
    every,
    every_element,
    isclose,
)

nan, inf = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("a", "b", "agree"),
    [
        # |a - b| <= 1e-8 + 1e-5 |b|: at b = 1 up to 1.001e-5, at b = 0 up to 1e-8.
        (1.00001, 1.0, True),
        (1.00002, 1.0, False),
        (1e-8, 0.0, True),
        (2e-8, 0.0, False),
        # At b = 1000 up to 0.01000001; the tolerance goes by the second argument.
        (1000.01, 1000.0, True),
        (1000.02, 1000.0, False),
        (inf, inf, True),
        (inf, -inf, False),
        (inf, 1.0, False),
        (nan, nan, False),
        (nan, 1.0, False),
        (1 + 2j, 1 + 2j, True),
        (1 + 2j, 1.0, False),
        (True, 1.0, True),
        (np.array(2.0), 2, True),
        ([1.0, 1.0], 1.0, True),
        (np.ones((2, 1)), np.ones(3), True),
        ([], [], True),
    ],
)
def test_allclose_is_numpys(a, b, agree):
    assert allclose(a, b) is agree


@pytest.mark.parametrize("value", ["text", None, {"a": 1}, {1.0}, ["a", "b"], object()])
def test_values_that_are_no_numbers_raise_as_in_numpy(value):
    with pytest.raises((TypeError, ValueError)):
        allclose(value, np.ones(2))


def test_ragged_nesting_raises_as_in_numpy():
    with pytest.raises(ValueError, match="inhomogeneous"):
        allclose([[1.0], [1.0, 2.0]], np.ones(2))


def test_tolerances_are_passed_on():
    assert allclose(1.2, 1.0, atol=0.25)
    assert not allclose(1.2, 1.0, 0.1, 0.0)
    assert allclose([nan], [nan], equal_nan=True)
    assert isclose([1.0, 2.0], [1.0, 3.0]).tolist() == [True, False]


@pytest.mark.parametrize("empty", [[], np.zeros((0, 1)), np.zeros((3, 0))])
@pytest.mark.parametrize("compare", [allclose, isclose])
def test_an_empty_array_agrees_with_nothing_that_has_elements(compare, empty):
    with pytest.raises(ValueError, match=r"no elements|broadcast"):
        compare(empty, np.array([1.0]))
    with pytest.raises(ValueError, match=r"no elements|broadcast"):
        compare(np.array([1.0]), empty)


@given(arrays.array_shapes(max_dims=3, min_side=0, max_side=3), st.integers(1, 3))
def test_no_array_without_elements_agrees_with_one_that_has_some(shape, size):
    array = np.zeros(shape)
    if array.size:
        assert allclose(array, array)
    else:
        with pytest.raises(ValueError, match=r"no elements|broadcast"):
            allclose(array, np.zeros(size))


@given(arrays.arrays(np.float64, 3, elements=st.floats(allow_nan=True)))
def test_guarded_and_plain_numpy_agree_on_arrays_of_one_shape(array):
    other = array[::-1]
    with np.errstate(all="ignore"):
        assert allclose(array, other) == np.allclose(array, other)


def test_a_comparison_that_would_fill_the_memory_is_refused():
    # 100000 x 100000 = 1e10 elements; 2**26 is about 6.7e7.
    column, row = np.zeros((100_000, 1)), np.zeros((1, 100_000))
    for compare in (allclose, isclose):
        with pytest.raises(VacuousComparisonError, match="10000000000 elements"):
            compare(column, row)


def test_the_judges_numpy_is_numpy_but_for_the_guarded_comparisons():
    guarded = GuardedNumpy()
    assert guarded.allclose is allclose
    assert guarded.isclose is isclose
    assert guarded.linalg is np.linalg
    assert guarded.pi == np.pi


def test_all_holds_for_no_want_of_elements():
    assert every(iter([1, "x", True]))
    assert not every([True, False])
    assert every_element(np.ones(3) > 0)
    assert every_element(np.array([[True, False]]), axis=1).tolist() == [False]
    for call in (every, every_element):
        with pytest.raises(VacuousComparisonError, match="no elements"):
            call([])


def test_all_stops_at_the_first_that_does_not_hold():
    values = iter([False, True])
    assert not every(values)
    assert next(values)


@pytest.mark.parametrize(
    ("a", "b", "agree"),
    [
        ([1.0, 2.0], (1.0, 2.0), True),
        ([1.0], [1.0, 2.0], False),
        ([1.0, "x"], [1.0, "x"], True),
        (["x"], ["y"], False),
        (["x"], [np.str_("x")], True),
        ([True], [True], True),
        ([True], [1], True),
        ([True], [2], False),
        ([np.ones(2), 3], [np.ones(2), 3.00001], True),
        ([[1, 2], [3]], [[1, 2], [3]], True),
        # Ragged, so compared exactly.
        ([[[1, 2], [3]]], [[[1, 2], [3.00000001]]], False),
        ([[[1, 2], [3]]], [[[1, 2], [3]]], True),
        ([{"a": 1.0}], [{"a": 1.000001}], True),
        ([{0: 1.0}], [np.array([1.0])], False),
        ([], [], True),
        ([nan], [nan], False),
    ],
)
def test_sequences_agree_element_by_element(a, b, agree):
    assert cmp_tuple_or_list(a, b) is agree


def test_an_empty_element_agrees_with_nothing_that_has_elements():
    with pytest.raises(VacuousComparisonError):
        cmp_tuple_or_list([np.zeros(0)], [np.ones(1)])


@pytest.mark.parametrize(
    ("a", "b", "agree"),
    [
        ({"a": 1.0}, {"a": 1.000001}, True),
        ({"a": 1.0}, {"a": 1.1}, False),
        ({"a": 1.0}, {"b": 1.0}, False),
        ({"a": 1.0}, {"a": 1.0, "b": 1.0}, False),
        # Keys that are equal numbers are equal keys; a text is no number.
        ({1: 2.0}, {1.0: 2.0}, True),
        ({np.float64(0.5): 2.0}, {0.5: 2.0}, True),
        ({"0.5": 2.0}, {0.5: 2.0}, False),
        ({0.1 + 0.2: 1.0}, {0.3: 1.0}, False),
        ({nan: 1.0}, {nan: 1.0}, True),
        ({"a": "x"}, {"a": "x"}, True),
        ({"a": "x"}, {"a": "y"}, False),
        ({"a": "1.0"}, {"a": 1.0}, False),
        ({"a": np.ones(3)}, {"a": np.ones(3)}, True),
        ({"a": np.ones(3)}, {"a": np.zeros(3)}, False),
        ({"a": sparse.eye(2, format="csr")}, {"a": sparse.eye(2, format="csc")}, True),
        ({"a": sparse.eye(2, format="csr")}, {"a": np.eye(2)}, False),
        ({}, {}, True),
        ([1.0], {0: 1.0}, False),
        ({0: 1.0}, [1.0], False),
        (None, {}, False),
    ],
)
def test_dictionaries_agree_by_equal_keys_and_close_values(a, b, agree):
    assert are_dicts_close(a, b) is agree


def test_dictionaries_take_tolerances_in_scicodes_order():
    assert are_dicts_close({"a": 1.2}, {"a": 1.0}, 0.25)
    assert not are_dicts_close({"a": 1.2}, {"a": 1.0}, 0.0, 0.1)


@pytest.mark.parametrize("layout", ["csr", "csc", "coo", "bsr"])
def test_sparse_matrices_agree_whatever_their_layout(layout):
    matrix = sparse.csr_matrix([[0.0, 1.0], [2.0, 0.0]])
    assert are_csc_matrix_close(matrix.asformat(layout), matrix)
    assert not are_csc_matrix_close(matrix.asformat(layout) * 2, matrix)
    assert cmp_tuple_or_list([matrix.asformat(layout)], [matrix])


@pytest.mark.parametrize("other", [np.eye(2), sparse.eye(3), [[1, 0], [0, 1]], 1.0, None])
def test_a_sparse_matrix_agrees_with_no_other_shape_and_with_nothing_dense(other):
    assert not are_csc_matrix_close(sparse.eye(2), other)
    assert not are_csc_matrix_close(other, sparse.eye(2))


def test_an_immense_sparse_matrix_is_not_made_dense():
    vast = sparse.coo_matrix((10**6, 10**6))
    with pytest.raises(VacuousComparisonError, match="1000000000000 elements"):
        are_csc_matrix_close(vast, vast)
