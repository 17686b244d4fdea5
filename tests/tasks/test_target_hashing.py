"""A digest names what a reader would see, and nothing of how the file was written."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from tasks.core.errors import TargetError
from tasks.target_hashing import SLICE_BYTES
from tasks.targets import TargetFile, write_targets

SCICODE = Path(__file__).parents[2].parent / "shared" / "data" / "scicode"


def digest(path: Path, write: Callable[[h5py.File], object]) -> str:
    path.unlink(missing_ok=True)
    with h5py.File(path, "w") as file:
        write(file)
    with TargetFile(path) as targets:
        return targets.digest("1.1")


def digest_of(path: Path, value: object, name: str = "1.1/test1/var1") -> str:
    return digest(path, lambda file: file.__setitem__(name, value))


def test_a_digest_is_a_sha256_that_stays_the_same(tmp_path: Path) -> None:
    first, second = (digest_of(tmp_path / name, np.arange(3.0)) for name in "ab")
    assert first == second
    assert len(bytes.fromhex(first)) == 32


def test_every_difference_that_a_reader_can_see_changes_the_digest(tmp_path: Path) -> None:
    values: list[object] = [
        *(1.0, -1.0, 0.0, -0.0, np.float32(1.0), 1, True, 1 + 0j, np.uint8(1)),
        *(np.ones(1), np.ones((1, 1)), np.ones((1, 1), dtype=">f8"), np.ones(2)),
        *(np.zeros((0, 3)), np.zeros((3, 0)), np.zeros(0), h5py.Empty("f8")),
        *("1", "", np.bytes_(b"1"), np.array([b"1"]), np.array([b"1", b"2"]), np.array([b"12"])),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("c", "f8")]),
    ]
    path = tmp_path / "targets.h5"
    assert len({digest_of(path, value) for value in values}) == len(values)


def test_where_a_value_stands_changes_the_digest(tmp_path: Path) -> None:
    names = [
        *("1.1/test1/var1", "1.1/test2/var1", "1.1/test1/var2", "1.1/test1/var1/list/var1"),
        *("1.1/test1/var1/0.5", "1.1/test1/var1/sparse_matrix/data", "1.1/note"),
    ]
    path = tmp_path / "targets.h5"
    assert len({digest_of(path, 1.0, name) for name in names}) == len(names)


def test_texts_that_are_cut_elsewhere_differ(tmp_path: Path) -> None:
    path, text = tmp_path / "targets.h5", h5py.string_dtype()
    cuts = [["ab", "c"], ["a", "bc"], ["abc", ""], ["", "abc"]]
    assert len({digest_of(path, np.array(cut, dtype=text)) for cut in cuts}) == 4


def test_an_empty_case_and_an_absent_one_differ(tmp_path: Path) -> None:
    path = tmp_path / "targets.h5"
    one = digest(path, lambda file: file.create_group("1.1/test1"))
    two = digest(path, lambda file: [file.create_group(f"1.1/test{n}") for n in (1, 2)])
    assert one != two


def test_another_sub_step_does_not_matter(tmp_path: Path) -> None:
    digests: list[str] = []
    for other in (2.0, 3.0):
        write_targets(tmp_path / "t.h5", {"1.1": [1.0], "1.2": [other]})
        with TargetFile(tmp_path / "t.h5") as file:
            digests.append(file.digest("1.1"))
            digests.append(file.digest("1.2"))
    assert digests[0] == digests[2]
    assert digests[1] != digests[3]


def test_chunks_compression_and_the_order_of_writing_do_not_matter(tmp_path: Path) -> None:
    array = np.arange(60_000.0).reshape(100, 600)
    layouts: list[dict[str, object]] = [
        {},
        {"chunks": (100, 1)},
        {"chunks": (1, 600), "compression": "gzip", "shuffle": True, "fletcher32": True},
        {"chunks": (7, 11), "maxshape": (None, None)},
    ]

    def write(file: h5py.File, names: str, layout: dict[str, object]) -> None:
        for name in names:
            file.create_dataset(f"1.1/test{name}/var1", data=array, **layout)

    path = tmp_path / "t.h5"
    digests = {
        digest(path, lambda file, names=names, layout=layout: write(file, names, layout))
        for layout in layouts
        for names in ("12", "21")
    }
    assert len(digests) == 1


def test_an_array_of_several_slices_counts_to_its_last_item(tmp_path: Path) -> None:
    path = tmp_path / "t.h5"
    # Bytes: a row longer than a slice, then rows of which several fit but not all.
    for shape in [(2, SLICE_BYTES + 3), (5, SLICE_BYTES // 2)]:
        array = np.zeros(shape, dtype=np.uint8)
        seen = {digest_of(path, array)}
        for place in [(0, 0), (0, -1), (1, 0), (-1, -1)]:
            array[place] = 1
            seen.add(digest_of(path, array))
        assert len(seen) == 5


def test_a_large_target_is_never_whole_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "t.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("1.1/test1/var1", shape=(16, 2**20), dtype="f8")
        for row in range(16):
            data[row] = row
    # 16 x 8 MiB are 128 MiB; the peak of a process of its own may grow by much less.
    source = (
        "import resource, sys; from pathlib import Path; from tasks.targets import TargetFile\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "file = TargetFile(Path(sys.argv[1])); before = peak(); file.digest('1.1')\n"
        "print((peak() - before) // 1024)"
    )
    command = [sys.executable, "-c", source, str(path)]
    grown = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    unit = 1024 if sys.platform == "darwin" else 1
    assert grown / unit < 64


@pytest.mark.parametrize("step_id", ["1.2", "", "note"])
def test_a_sub_step_that_is_not_there_has_no_digest(tmp_path: Path, step_id: str) -> None:
    write_targets(tmp_path / "t.h5", {"1.1": [1.0]})
    with h5py.File(tmp_path / "t.h5", "a") as file:
        file["note"] = "hello"
    with TargetFile(tmp_path / "t.h5") as file, pytest.raises(TargetError, match="found none"):
        file.digest(step_id)


def test_what_no_target_is_made_of_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "t.h5"
    ragged = h5py.vlen_dtype(np.int64)
    with pytest.raises(TargetError, match="neither numbers nor text"):
        digest(path, lambda file: file.create_dataset("1.1/test1/var1", (2,), dtype=ragged))
    with pytest.raises(TargetError, match="neither a group nor a dataset"):
        digest_of(path, np.dtype("f8"))
    with pytest.raises(TargetError, match="recursion"):
        digest(path, lambda file: file.create_group("1.1").__setitem__("again", file["1.1"]))


@pytest.mark.skipif(not SCICODE.exists(), reason="needs ../shared/data")
def test_different_targets_of_scicode_have_different_digests() -> None:
    with TargetFile(SCICODE / "targets_dev.h5") as file:
        digests = {step_id: file.digest(step_id) for step_id in file.case_counts()}
    # Of the 50 only two are the same: three cases of 0.0 each.
    assert len(set(digests.values())) == 49
    assert digests["78.1"] == digests["78.2"]
