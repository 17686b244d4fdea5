"""Values leave the sandbox whole, or are refused by name; hostile bytes are harmless."""

import math
import subprocess
import sys
from collections import Counter, OrderedDict, defaultdict, namedtuple
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import hypothesis.extra.numpy as arrays
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sparse
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.sandbox.wire import (
    FrameError,
    OversizedError,
    UnshippableError,
    decode_values,
    encode_values,
)

LIMIT = 2**20
Point = namedtuple("Point", "x y")


class Colour(IntEnum):
    RED = 3


class Word(StrEnum):
    A = "a"


class Metres(float):
    pass


def trip(value, limit=LIMIT):
    (decoded,) = decode_values(encode_values([value], limit))
    return decoded


def same(one, two):
    """Equality that knows NaN, types and numpy."""
    if type(one) is not type(two):
        return False
    if isinstance(one, np.ndarray):
        if one.dtype != two.dtype or one.shape != two.shape:
            return False
        if one.dtype.kind == "O":
            return all(map(same, one.ravel(), two.ravel()))
        return one.tobytes() == two.tobytes()
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, dict):
        return same(list(one.items()), list(two.items()))
    if isinstance(one, float):
        return one == two or (math.isnan(one) and math.isnan(two))
    if isinstance(one, complex):
        return same([one.real, one.imag], [two.real, two.imag])
    return bool(one == two)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(10**200), max_value=10**200),
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters(codec=None)),
    st.binary(),
)
keys = st.one_of(st.text(), st.integers(), st.floats(allow_nan=False), st.tuples(st.integers()))
dtypes = st.one_of(
    arrays.boolean_dtypes(),
    arrays.integer_dtypes(endianness="?"),
    arrays.unsigned_integer_dtypes(endianness="?"),
    arrays.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    arrays.complex_number_dtypes(endianness="?", sizes=(64, 128)),
    arrays.unicode_string_dtypes(endianness="?", min_len=1, max_len=4),
    arrays.byte_string_dtypes(min_len=1, max_len=4),
)
shapes = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
values = st.recursive(
    st.one_of(scalars, arrays.arrays(dtypes, shapes)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(keys, inner, max_size=4),
    ),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(st.lists(values, max_size=3))
def test_every_value_comes_back_with_its_type(shipped):
    assert same(decode_values(encode_values(shipped, LIMIT)), shipped)


@settings(max_examples=150, deadline=None)
@given(st.lists(values, min_size=1, max_size=2), st.data())
def test_a_changed_frame_decodes_or_is_refused(shipped, data):
    frame = bytearray(encode_values(shipped, LIMIT))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(frame) - 1))
        frame[place] = data.draw(st.one_of(st.integers(0, 255), st.sampled_from(b'0129[]",-<')))
    cut = data.draw(st.integers(0, len(frame)))
    for hostile in (bytes(frame), bytes(frame[:cut])):
        with suppress(FrameError):
            decode_values(hostile)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_are_refused_or_decode(data):
    for frame in (data, len(data).to_bytes(8, "big") + data):
        with suppress(FrameError):
            decode_values(frame)


def test_subclasses_ship_as_their_basic_kind():
    assert same(trip(Point(1, 2)), (1, 2))
    assert same(trip([Colour.RED, Word.A, Metres(1.5)]), [3, "a", 1.5])
    shipped = [OrderedDict(b=1, a=2), defaultdict(int, x=1), Counter("aab")]
    assert same(trip(shipped), [{"b": 1, "a": 2}, {"x": 1}, {"a": 2, "b": 1}])
    assert same(trip(bytearray(b"ab")), b"ab")


@pytest.mark.parametrize(
    "values",
    [
        [range(2**20 + 1)],
        [range(2**70)],
        [range(0, -(2**70), -3)],
        [range(2**19), [range(2**19)], range(1)],
    ],
)
def test_ranges_too_long_to_expand_are_refused(values):
    with pytest.raises(FrameError, match="ranges of more than"):
        trip(values)


def test_ranges_of_as_many_elements_as_are_expanded_come_back():
    assert trip([range(2**20), range(5, 5)]) == [range(2**20), range(5, 5)]


def test_sets_and_ranges_come_back():
    assert trip([{1, 2}, frozenset("ab"), range(0, 10, 3)]) == [
        {1, 2},
        frozenset("ab"),
        range(0, 10, 3),
    ]


def test_long_lists_of_numbers_keep_their_type_and_order():
    shipped = [
        [float(i) for i in range(40)],
        tuple(range(40)),
        [2**70, *range(40)],
        [True, *range(40)],
        [1, *(i + 0.5 for i in range(40))],
    ]
    assert same(trip(shipped), shipped)


def test_surrogates_that_form_a_pair_stay_two_characters():
    assert len(trip("\ud83d\ude00")) == 2


def test_integers_beyond_decimal_limits_come_back():
    number = -(7**20_000)
    assert trip(number) == number


@pytest.mark.parametrize(
    "scalar",
    [
        np.float64(1.5),
        np.float32(2.5),
        np.int8(-3),
        np.uint64(2**64 - 1),
        np.bool_(1),
        np.complex64(1j),
    ],
    ids=lambda scalar: type(scalar).__name__,
)
def test_numpy_scalars_stay_numpy_scalars(scalar):
    assert same(trip(scalar), scalar)


def test_numpy_strings_become_plain_strings():
    assert same(trip([np.str_("é"), np.str_(""), np.bytes_(b"x")]), ["é", "", b"x"])


def test_dates_come_back():
    days = np.array(["2024-02-29", "NaT"], "M8[D]")
    back = trip([days, days[0], days[:1] - days[0]])
    assert back[0].tobytes() == days.tobytes()
    assert back[1] == np.datetime64("2024-02-29")
    assert back[2].dtype == np.dtype("m8[D]")


def test_extended_precision_becomes_double():
    back = trip([np.longdouble(1.5), np.ones(2, np.clongdouble), np.longdouble("1e4000")])
    assert same(back[:2], [np.float64(1.5), np.ones(2, complex)])
    assert back[2] == np.inf


def test_arrays_of_any_layout_come_back_in_c_order():
    grid = np.arange(12).reshape(3, 4)
    assert same(trip([grid.T, grid[:, ::2], np.asfortranarray(grid)])[0], grid.T.copy())
    back = trip(np.broadcast_to(1.0, (3, 3)))
    back[0, 0] = 2.0
    assert back.sum() == 10.0  # 8 ones and the 2: elements are not shared


def test_string_arrays_without_characters_come_back():
    empty = np.zeros(2, [("a", "S0")])["a"]
    assert trip(np.array(["", ""])).tolist() == ["", ""]
    assert trip(empty).tolist() == [b"", b""]


def test_object_arrays_ship_their_elements():
    ragged = np.empty((2, 1), object)
    ragged[0, 0], ragged[1, 0] = [1, 2], np.ones(3)
    assert same(trip(ragged), ragged)


def test_records_come_back():
    table = np.array([(1, 2.5, "a"), (2, 3.5, "bc")], [("n", "<i4"), ("x", "f8"), ("s", "U2")])
    nested = np.zeros((2, 2), [("v", "f8", (3,)), ("in", [("k", "i2")])])
    for records in (table, table[0:0], nested):
        back = trip(records)
        assert back.dtype == records.dtype
        assert back.shape == records.shape
        assert (back == records).all()
    assert trip(table[1])["x"] == 3.5


def test_masked_arrays_keep_their_mask():
    masked = np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])
    back = trip([masked, np.ma.masked])
    assert back[0].sum() == 4.0
    assert back[0].mask.tolist() == [False, True, False]
    assert np.ma.is_masked(back[1])


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_matrix_becomes_a_plain_array():
    assert same(trip(np.asmatrix([[1, 2]])), np.array([[1, 2]]))


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr"])
@pytest.mark.parametrize("family", ["matrix", "array"])
def test_sparse_formats_come_back(kind, family):
    dense = np.array([[0, 1.0, 0, 2], [3, 0, 0, 0]])
    back = trip(getattr(sparse, f"{kind}_{family}")(dense))
    assert type(back).__name__ == f"{kind}_{family}"
    assert back.toarray().tolist() == dense.tolist()


def test_other_sparse_formats_come_as_coordinates():
    dense = np.diag([1.0, 2.0, 3.0])
    for make in (sparse.dia_matrix, sparse.lil_array, sparse.dok_matrix, sparse.csr_matrix):
        assert trip(make(dense)).toarray().tolist() == dense.tolist()
    assert trip(sparse.csr_matrix((0, 5))).shape == (0, 5)
    assert trip(sparse.coo_array(np.array([0, 4.0]))).toarray().tolist() == [0, 4.0]


def test_sympy_symbols_become_names_and_numbers_become_numbers():
    x = sympy.Symbol("x")
    shipped = [x, {x: 1.0}, sympy.Integer(3), sympy.Rational(1, 4), sympy.Float(0.5), sympy.oo]
    assert same(trip(shipped), ["x", {"x": 1.0}, 3, 0.25, 0.5, math.inf])


def test_what_offers_an_array_ships_as_that_array():
    assert same(trip(pd.Series([1.0, 2.0])), np.array([1.0, 2.0]))
    frame = trip(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
    assert frame.tolist() == [[1, "x"], [2, "y"]]
    assert trip(sympy.Matrix([[1, 2]])).tolist() == [[1, 2]]


@dataclass
class Opaque:
    x: int


class Angry:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("no")


class Odd(dict):
    def items(self):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([0, {"x": Opaque(1)}], r"test_wire\.Opaque .*\[1\]\['x'\]"),
        (lambda: 0, "function"),
        ({Opaque: 1}, "key number 0"),
        (np.array([1, Opaque(1)], object), r"Opaque .*\[1\]"),
        (np.zeros(2, "V3"), "dtype"),
        (sympy.Symbol("x") + 1, "Add"),
        (Angry(), "does not let itself be read: RuntimeError"),
        (Odd(), "does not let itself be read"),
        (sys, "module"),
        (sparse.csr_matrix, "type"),
        (pd.Series, "type"),
        (iter([1]), "iterator"),
    ],
)
def test_what_cannot_cross_is_named_with_its_place(value, words):
    with pytest.raises(UnshippableError, match=words):
        encode_values([value], LIMIT)


def nested(depth, core):
    for _ in range(depth):
        core = [core]
    return core


def test_sixty_four_levels_are_enough_and_more_are_refused():
    # The array is a leaf, the mask of a masked array one level more.
    assert trip(nested(64, np.ones(1)))
    with pytest.raises(UnshippableError, match="64 levels"):
        encode_values([nested(65, 1)], LIMIT)
    with pytest.raises(UnshippableError, match="64 levels"):
        encode_values([nested(100_000, 1)], LIMIT)
    with pytest.raises(FrameError):
        decode_values(skeleton("[" * 70 + "]" * 70))


def test_cycles_are_refused_at_once():
    ring = [1]
    ring += [ring, ring]
    with pytest.raises(UnshippableError, match="contains itself"):
        encode_values([ring], LIMIT)


def test_sharing_that_would_explode_is_oversized():
    shared = [0] * 10
    for _ in range(20):
        shared = [shared] * 10
    with pytest.raises(OversizedError):
        encode_values([shared], LIMIT)


def test_more_bytes_than_allowed_are_refused_before_they_are_copied():
    with pytest.raises(OversizedError, match=r"1048576 bytes.*\[0\]\['a'\]"):
        encode_values([{"a": np.broadcast_to(0.0, (2**40,))}], LIMIT)
    for value in ("x" * 2000, b"x" * 2000, [1.5] * 200, [None] * 600, 1 << 10_000):
        with pytest.raises(OversizedError):
            encode_values([value], 1000)


def test_a_frame_of_exactly_the_limit_passes():
    # 8 for the length, [["b",3]] is 9, 3 bytes: 20.
    assert len(encode_values([b"abc"], 20)) == 20
    with pytest.raises(OversizedError):
        encode_values([b"abc"], 19)


def skeleton(text, buffers=b""):
    raw = text.encode()
    return len(raw).to_bytes(8, "big") + raw + buffers


def test_the_frame_layout_is_what_the_module_says():
    assert encode_values([1, b"ab"], LIMIT) == skeleton('[1,["b",2]]', b"ab")


EIGHT = bytes(8)
COO = '[["p","coo",false,[2,2],["a","<f8",[1]],["a","<i4",[1]],["a","<i4",[1]]]]'
CSR = '[["p","csr",false,[2,9],["a","<f8",[1]],["a","<i4",[1]],["a","<i4",[3]]]]'


def int32(*numbers):
    return np.array(numbers, "<i4").tobytes()


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xff" * 8,
        (2**63).to_bytes(8, "big") + b"[]",
        skeleton("[]", b"x"),
        skeleton("{}"),
        skeleton("[{}]"),
        skeleton("[[]]"),
        skeleton("[[null]]"),
        skeleton('[["?"]]'),
        skeleton('[["i","zz"]]'),
        skeleton('[["i",5]]'),
        skeleton("[" + "9" * 5000 + "]"),
        skeleton("[" * 100_000),
        skeleton('[["b",-1]]'),
        skeleton('[["b",true]]', b"x"),
        skeleton('[["b",1e3]]'),
        skeleton('[["b",9223372036854775808]]'),
        skeleton('[["u",1]]', b"\xff"),
        skeleton('[["d",1]]'),
        skeleton('[["d",["l"],1]]'),
        skeleton('[["s",["l"]]]'),
        skeleton('[["r",0,1,0]]'),
        skeleton('[["r",0,1.0,1]]'),
        skeleton('[["k","l","d",2]]', EIGHT),
        skeleton('[["k","s","d",1]]', EIGHT),
        skeleton('[["k","l","s",1]]', EIGHT),
        skeleton('[["a","|O",[1]]]', EIGHT),
        skeleton('[["a","<f16",[1]]]', EIGHT * 2),
        skeleton('[["a","f8,f8",[1]]]', EIGHT * 2),
        skeleton('[["a","<f8",[2]]]', EIGHT),
        skeleton('[["a","<f8",[-1,-1]]]', EIGHT),
        skeleton('[["a","<f8",[4611686018427387904,4]]]'),
        skeleton('[["a","<f8",[4611686018427387904,4611686018427387904,0]]]'),
        skeleton('[["a","<U4000000000",[0]]]'),
        skeleton('[["a","|b1",[1]]]', b"\x02"),
        skeleton('[["a","<U1",[1]]]', b"\xff\xff\xff\xff"),
        skeleton('[["a","<U0",[1099511627776]]]'),
        skeleton('[["a","<f8",[' + "1," * 70 + "1]]]", EIGHT),
        skeleton('[["o",[2],1]]'),
        skeleton('[["R",[1099511627776]]]'),
        skeleton('[["R",[2],"a",["a","<f8",[1]]]]', EIGHT),
        skeleton('[["R",[1099511627776],"a",["a","<f8",[1099511627776,0]]]]'),
        skeleton('[["m",["a","<f8",[1]],["a","|b1",[0]]]]', EIGHT),
        skeleton('[["m",["a","<f8",[1]],["a","<f8",[1]]]]', EIGHT * 2),
        skeleton(COO, EIGHT + int32(0) + int32(2)),
        skeleton(COO, EIGHT + int32(-1) + int32(0)),
        skeleton(COO.replace("coo", "dia"), EIGHT + int32(0, 0)),
        skeleton(COO.replace("[2,2]", "[2]"), EIGHT + int32(0, 0)),
        skeleton(CSR, EIGHT + int32(9) + int32(0, 1, 1)),
        skeleton(CSR, EIGHT + int32(0) + int32(0, 2, 1)),
        skeleton(CSR, EIGHT + int32(0) + int32(1, 1, 1)),
        skeleton(CSR, EIGHT + int32(0) + int32(0, 1, 0)),
        skeleton(CSR.replace("[2,9]", "[3,9]"), EIGHT + int32(0) + int32(0, 1, 1)),
        skeleton(CSR.replace("csr", "bsr"), EIGHT + int32(0) + int32(0, 1, 1)),
    ],
    ids=range(54),
)
def test_a_lie_in_a_frame_is_a_frame_error(frame):
    with pytest.raises(FrameError):
        decode_values(frame)


def test_frames_of_sparse_matrices_are_what_the_lies_are_told_of():
    assert decode_values(skeleton(COO, EIGHT + int32(1) + int32(1)))[0].shape == (2, 2)
    assert decode_values(skeleton(CSR, EIGHT + int32(8) + int32(0, 1, 1)))[0].shape == (2, 9)


def test_huge_lengths_that_hold_nothing_are_harmless():
    (empty,) = decode_values(skeleton('[["a","<f8",[1099511627776,0]]]'))
    assert empty.nbytes == 0


def test_a_buffer_cannot_be_used_twice():
    # A thousand nodes that all want the same megabyte.
    frame = skeleton("[" + ",".join(['["b",1000000]'] * 1000) + "]", bytes(1_000_000))
    with pytest.raises(FrameError, match="0 are left"):
        decode_values(frame)


def test_plain_values_cost_no_import_of_numpy():
    source = (
        "import sys; from tasks.sandbox.wire import decode_values, encode_values;"
        "decode_values(encode_values([{'a': (1, 2.5)}], 1000)); print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", source], capture_output=True, check=True)
    assert done.stdout.strip() == b"False"


def test_a_program_that_makes_numpy_strict_still_ships():
    with np.errstate(all="raise"):
        assert trip(np.array([np.longdouble("1e4000")])).tolist() == [math.inf]
