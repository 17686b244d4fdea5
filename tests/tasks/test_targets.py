"""Targets survive the round trip through SciCode's HDF5 layout, or are refused on the way."""

import re
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from tasks.core.errors import TargetError
from tasks.core.records import Given, Problem, Scored, SubStep
from tasks.dataset import load_problems
from tasks.targets import TargetFile, check_targets, write_targets

SCICODE = Path(__file__).parents[2].parent / "shared" / "data" / "scicode"

needs_scicode = pytest.mark.skipif(not SCICODE.exists(), reason="needs ../shared/data")

DENSE = np.array([[0.0, 1.5, 0.0, 0.0], [2.0, 0.0, 0.0, 3.0]])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "targets.h5"


def round_trip(path: Path, target: object) -> object:
    write_targets(path, {"1.1": [target]})
    with TargetFile(path) as file:
        return file.read("1.1", 1)


def same(left: object, right: object) -> bool:
    """Equal in type, dtype, shape and value; nan equals nan."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if sparse.issparse(left):
        return left.shape == right.shape and (left != right).nnz == 0
    if isinstance(left, np.ndarray | np.generic):
        kept = left.dtype == right.dtype and left.shape == right.shape
        return kept and np.array_equal(left, right, equal_nan=left.dtype.kind in "fc")
    return left == right


@pytest.mark.parametrize(
    ("target", "read"),
    [
        (2, np.int64(2)),
        (2.5, np.float64(2.5)),
        (float("nan"), np.float64("nan")),
        (1 + 2j, np.complex128(1 + 2j)),
        (True, np.True_),
        (np.float32(0.5), np.float32(0.5)),
        (np.uint8(7), np.uint8(7)),
        ("", ""),
        ("prey Δ\n", "prey Δ\n"),
        (np.array(3.0), np.float64(3.0)),
        (np.arange(6).reshape(2, 3), np.arange(6).reshape(2, 3)),
        (np.zeros((0, 3)), np.zeros((0, 3))),
        (np.array([True, False]), np.array([True, False])),
        (np.array([["a", "bcd"], ["", "é"]]), np.array([["a", "bcd"], ["", "é"]])),
        (np.array([], dtype=np.str_), np.array([], dtype=np.str_)),
        ([], []),
        ([1, 2.5, "x"], [np.int64(1), np.float64(2.5), "x"]),
        ([[1, 2], [3]], [np.array([1, 2]), np.array([3])]),
        ((1, "x"), (np.int64(1), "x")),
        (([1.0], (2.0, 3.0)), ([np.float64(1)], [np.float64(2), np.float64(3)])),
        ({}, {}),
        ({"x": 1, "y0": [1, 2]}, {"x": np.int64(1), "y0": np.array([1, 2])}),
        ({0.5: "half", 2: 1j}, {0.5: "half", 2.0: np.complex128(1j)}),
        ({np.float64(1e-7): 1.0}, {1e-7: np.float64(1)}),
        (None, None),
    ],
    ids=str,
)
def test_a_value_reads_back_as_what_was_written(path: Path, target: object, read: object) -> None:
    assert same(round_trip(path, target), read)


@pytest.mark.parametrize("layout", ["csr", "csc", "coo", "bsr", "lil", "dia", "dok"])
@pytest.mark.parametrize("make", [sparse.coo_matrix, sparse.coo_array])
def test_a_sparse_matrix_reads_back_with_its_values(path: Path, layout: str, make: type) -> None:
    read = round_trip(path, make(DENSE).asformat(layout))

    assert sparse.issparse(read)
    assert read.format == (layout if layout in {"coo", "bsr"} else "csr")
    assert np.array_equal(read.toarray(), DENSE)


def test_a_block_matrix_keeps_its_blocks(path: Path) -> None:
    read = round_trip(path, sparse.bsr_matrix(DENSE, blocksize=(2, 2)))

    assert read.blocksize == (2, 2)
    assert np.array_equal(read.toarray(), DENSE)


def test_a_sparse_matrix_may_stand_in_a_tuple_and_in_a_dict(path: Path) -> None:
    matrix = sparse.csr_matrix(DENSE)

    assert same(round_trip(path, (matrix, 1.0)), (matrix, np.float64(1)))
    assert same(round_trip(path, {"H": matrix}), {"H": matrix})


def test_twelve_variables_and_twelve_items_keep_their_order(path: Path) -> None:
    numbers = tuple(range(12))

    assert round_trip(path, numbers) == numbers
    assert round_trip(path, list(numbers)) == list(numbers)


def test_twelve_cases_are_read_by_number(path: Path) -> None:
    write_targets(path, {"1.1": list(range(12))})

    with TargetFile(path) as file:
        assert [file.read("1.1", number) for number in range(1, 13)] == list(range(12))


def test_a_case_without_target_is_counted_and_reads_as_none(path: Path) -> None:
    write_targets(path, {"1.1": [None, 2.0], "1.2": [None], "1.3": []})

    with TargetFile(path) as file:
        assert file.case_counts() == {"1.1": 2, "1.2": 1, "1.3": 0}
        assert file.read("1.1", 1) is None
        assert file.read("1.1", 2) == 2.0


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        dtype=hnp.scalar_dtypes().filter(lambda dtype: dtype.kind in "biufc"),
        shape=hnp.array_shapes(min_dims=1, min_side=0, max_side=3),
    )
)
def test_any_numeric_array_reads_back_unchanged(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray
) -> None:
    path = tmp_path_factory.getbasetemp() / "property.h5"

    assert same(round_trip(path, array), array)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.floats(allow_nan=False) | st.integers(-9, 9), st.text("aé \n"), max_size=5)
)
def test_any_float_keys_read_back_equal(
    tmp_path_factory: pytest.TempPathFactory, values: dict[float, str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "property.h5"

    assert round_trip(path, values) == values


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ((), "a tuple of 0"),
        ((1.0,), "a tuple of 1"),
        ((1, None), "case 1, var2: expected"),
        ([1, {"a": 1}], "case 1, var1, item 2: expected"),
        ([[1, "a"]], "list of <U"),
        ([[1, [2, 3]]], "inhomogeneous"),
        (b"raw", "bytes of |S3"),
        (np.array([b"raw"]), "ndarray of |S3"),
        ({1, 2}, "set of object"),
        (2**70, "int of object"),
        (np.array([Ellipsis], dtype=object), "ndarray of object"),
        (np.array("2020-01-01", dtype="datetime64[D]"), "datetime64"),
        (np.ma.masked_array([1.0, 2.0], [True, False]), "MaskedArray"),
        ("a\0b", "NULL"),
        ({"a": {"b": 1}}, "key 'a'"),
        ({"a": None}, "key 'a'"),
        ({(1, 2): 3.0}, "(1, 2)"),
        ({True: 3.0}, "True"),
        ({"1.5": 3.0}, "'1.5'"),
        ({"nan": 3.0}, "'nan'"),
        ({float("nan"): 3.0}, "nan"),
        ({2**53 + 1: 3.0}, "9007199254740993"),
        ({"a/b": 3.0}, "'a/b'"),
        ({"": 3.0}, "''"),
        ({".": 3.0}, "'.'"),
        ({"list": 3.0}, "'list'"),
        ({"sparse_matrix": 3.0}, "'sparse_matrix'"),
        (sparse.coo_array(np.ones(3)), "1 dimensions"),
    ],
    ids=repr,
)
def test_a_value_that_the_layout_would_change_is_refused(
    path: Path, target: object, said: str
) -> None:
    with pytest.raises(TargetError, match=re.escape(said)) as caught:
        write_targets(path, {"1.1": [target]})

    assert "the target of 1.1, case 1" in str(caught.value)


def test_a_refused_value_leaves_the_old_file_and_nothing_else(path: Path) -> None:
    write_targets(path, {"1.1": [1.0]})

    with pytest.raises(TargetError):
        write_targets(path, {"1.1": [2.0, {1, 2}]})

    assert list(path.parent.iterdir()) == [path]
    with TargetFile(path) as file:
        assert file.read("1.1", 1) == 1.0


def test_the_same_targets_give_the_same_bytes(tmp_path: Path) -> None:
    targets: dict[str, Sequence[object]] = {"1.1": [DENSE, "x"], "1.2": [{"a": [1.0, 2.0]}]}
    first, second = tmp_path / "a.h5", tmp_path / "b.h5"

    write_targets(first, targets)
    write_targets(second, targets)

    assert first.read_bytes() == second.read_bytes()


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"expected to write targets there"):
        write_targets(tmp_path / "absent" / "targets.h5", {"1.1": [1.0]})


def test_byte_strings_of_other_writers_read_as_text(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["1.1/test1/var1"] = np.array([b"ab", b"c"])
        file["1.1/test2/var1"] = np.bytes_(b"prey")
        file["1.1/test3/var1/list/var1"] = "birth"
        file["1.1/test4/var1/0.5"] = "half"

    with TargetFile(path) as file:
        read = [file.read("1.1", number) for number in (1, 2, 3, 4)]
    assert same(read, [np.array(["ab", "c"]), "prey", ["birth"], {0.5: "half"}])


def test_other_members_beside_the_cases_are_not_counted(path: Path) -> None:
    write_targets(path, {"1.1": [1.0]})
    with h5py.File(path, "a") as file:
        file["note"] = "hello"
        file["1.1/origin"] = "gold"

    with TargetFile(path) as file:
        assert file.case_counts() == {"1.1": 1}


@pytest.mark.parametrize(("step_id", "number"), [("1.2", 1), ("1.1", 2), ("1.1", 0), ("", 1)])
def test_a_case_that_is_not_there_is_an_error(path: Path, step_id: str, number: int) -> None:
    write_targets(path, {"1.1": [1.0]})

    with TargetFile(path) as file, pytest.raises(TargetError, match=f"{step_id}/test{number}"):
        file.read(step_id, number)


def test_a_damaged_sparse_matrix_is_an_error(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["1.1/test1/var1/sparse_matrix/data"] = np.ones(2)
        file["1.1/test1/var1/sparse_matrix/shape"] = np.array([2, 2])
        file["1.1/test2/var1/sparse_matrix/data"] = np.ones(2)
        file["1.1/test2/var1/sparse_matrix/shape"] = np.array([2, 2])
        file["1.1/test2/var1/sparse_matrix/row"] = np.array([0, 9])
        file["1.1/test2/var1/sparse_matrix/col"] = np.array([0, 1])

    with TargetFile(path) as file:
        for number in (1, 2):
            with pytest.raises(TargetError, match=f"expected readable values at 1.1/test{number}"):
                file.read("1.1", number)


def step(step_id: str, cases: int) -> SubStep:
    return SubStep(step_id, "", "", "def f():", None, cases=("assert target",) * cases)


def problem(*steps: SubStep) -> Problem:
    return Problem("1", "", "", steps)


def test_a_given_sub_step_needs_no_targets(path: Path) -> None:
    write_targets(path, {"1.2": [1.0, 2.0]})

    scored = check_targets(path, [problem(step("1.1", 0), step("1.2", 2))], Scored.ALL)

    assert scored == {"1.2"}


def test_missing_targets_name_the_first_five_and_the_way_out(path: Path) -> None:
    write_targets(path, {"1.1": [1.0]})
    steps = [step(f"1.{number}", 1) for number in range(1, 9)]

    # 1.2 to 1.8 are seven: five by name and two more.
    with pytest.raises(TargetError, match=r"1\.2, 1\.3, 1\.4, 1\.5, 1\.6 and 2 more") as caught:
        check_targets(path, [problem(*steps)], Scored.ALL)

    assert "--scored with-targets" in str(caught.value)


def test_sub_steps_without_targets_may_be_left_out(path: Path) -> None:
    write_targets(path, {"1.1": [1.0], "9.9": [1.0]})

    scored = check_targets(path, [problem(step("1.1", 1), step("1.2", 1))], Scored.WITH_TARGETS)

    assert scored == {"1.1"}


@pytest.mark.parametrize("scored", Scored)
@pytest.mark.parametrize("targets", [0, 1, 3])
def test_another_number_of_targets_than_cases_is_always_an_error(
    path: Path, scored: Scored, targets: int
) -> None:
    write_targets(path, {"1.1": [1.0] * targets, "1.2": [1.0]})

    with pytest.raises(TargetError, match=rf"expected 2 targets for 1\.1, .*, found {targets}"):
        check_targets(path, [problem(step("1.1", 2), step("1.2", 1))], scored)


@pytest.mark.parametrize("scored", Scored)
@pytest.mark.parametrize("steps", [(), (step("1.1", 1),), (step("1.1", 0),)])
def test_nothing_to_score_is_an_error(
    path: Path, scored: Scored, steps: tuple[SubStep, ...]
) -> None:
    write_targets(path, {"2.1": [1.0]})

    with pytest.raises(TargetError, match="found none") as caught:
        check_targets(path, [problem(*steps)], scored)

    assert "--scored" not in str(caught.value)


def test_a_missing_file_is_refused(path: Path) -> None:
    with pytest.raises(TargetError, match="No such file"):
        TargetFile(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="directory"):
        TargetFile(tmp_path)


@pytest.mark.parametrize("raw", [b"", b"step_id,target\n1.1,2\n", b"\x89HDF\r\n\x1a\n"])
def test_a_file_that_is_not_hdf5_is_refused(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)

    with pytest.raises(TargetError, match="expected a whole HDF5 file of targets"):
        TargetFile(path)


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.99])
def test_a_truncated_file_is_refused(path: Path, keep: float) -> None:
    write_targets(path, {"1.1": [np.ones(5000)]})
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * keep)])

    with pytest.raises(TargetError, match="truncated file"):
        TargetFile(path)


@needs_scicode
def test_scicode_dev_has_targets_for_all_50_sub_steps() -> None:
    loaded = load_problems(SCICODE / "problems_dev.jsonl", upstream=None, given=Given.WHOLE)

    scored = check_targets(SCICODE / "targets_dev.h5", loaded.problems, Scored.ALL)

    assert len(scored) == 50


@needs_scicode
def test_131_of_288_test_sub_steps_have_targets_and_157_are_named_as_missing() -> None:
    path, upstream = SCICODE / "problems_test.jsonl", SCICODE / "upstream"
    problems = load_problems(path, upstream=upstream, given=Given.WHOLE).problems
    partial = SCICODE / "targets_test_partial.h5"

    assert len(check_targets(partial, problems, Scored.WITH_TARGETS)) == 131
    with pytest.raises(TargetError, match=r"288 scored sub-steps, .* and 152 more"):
        check_targets(partial, problems, Scored.ALL)


@needs_scicode
@pytest.mark.parametrize(
    ("name", "cases"), [("targets_dev.h5", 167), ("targets_test_partial.h5", 404)]
)
def test_every_scicode_target_survives_a_rewrite(path: Path, name: str, cases: int) -> None:
    with TargetFile(SCICODE / name) as file:
        targets = {
            step_id: [file.read(step_id, number) for number in range(1, count + 1)]
            for step_id, count in file.case_counts().items()
        }
    write_targets(path, targets)

    assert sum(map(len, targets.values())) == cases
    with TargetFile(path) as file:
        for step_id, values in targets.items():
            read = [file.read(step_id, number) for number in range(1, len(values) + 1)]
            assert same(read, values), step_id
