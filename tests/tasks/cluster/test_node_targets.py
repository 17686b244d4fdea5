"""A node judges by targets of the wanted digest, or not at all."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from tasks.cluster.node_targets import Arrival, copy_path, find_targets
from tasks.cluster.recipe import TargetsAt
from tasks.core.errors import TargetError

CONTENT = b"0123456789"


@pytest.fixture
def wanted(tmp_path: Path) -> TargetsAt:
    """Describe a file that the evaluator has, and this node does not."""
    return TargetsAt(str(tmp_path / "far.h5"), hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "node-targets").iterdir())


def test_the_evaluators_own_file_is_used_where_the_node_sees_it(
    wanted: TargetsAt, tmp_path: Path
) -> None:
    Path(wanted.path).write_bytes(CONTENT)
    assert find_targets(wanted, tmp_path / "cache") == Path(wanted.path)


def test_a_file_of_that_name_and_other_content_is_not(wanted: TargetsAt, tmp_path: Path) -> None:
    Path(wanted.path).write_bytes(CONTENT[::-1])
    assert find_targets(wanted, tmp_path / "cache") is None


def test_a_copy_arrives_in_parts_and_is_found_again(wanted: TargetsAt, tmp_path: Path) -> None:
    arrival = Arrival(wanted, tmp_path)
    assert arrival.take(0, CONTENT[:4]) is None
    assert find_targets(wanted, tmp_path) is None
    copy = arrival.take(4, CONTENT[4:])
    assert copy == copy_path(tmp_path, wanted.sha256) == find_targets(wanted, tmp_path)
    assert copy.read_bytes() == CONTENT
    assert leftovers(tmp_path) == [copy.name]


def test_a_spoilt_copy_is_not_used_even_if_it_has_the_name(
    wanted: TargetsAt, tmp_path: Path
) -> None:
    copy = Arrival(wanted, tmp_path).take(0, CONTENT)
    assert copy is not None
    copy.write_bytes(CONTENT[::-1])
    assert find_targets(wanted, tmp_path) is None
    assert Arrival(wanted, tmp_path).take(0, CONTENT) == copy
    assert copy.read_bytes() == CONTENT


def test_what_was_changed_on_its_way_is_refused_and_leaves_nothing(
    wanted: TargetsAt, tmp_path: Path
) -> None:
    with pytest.raises(TargetError, match=f"expected targets of sha256 {wanted.sha256}"):
        Arrival(wanted, tmp_path).take(0, CONTENT[::-1])
    assert leftovers(tmp_path) == []


def test_a_part_that_is_missing_is_noticed(wanted: TargetsAt, tmp_path: Path) -> None:
    arrival = Arrival(wanted, tmp_path)
    arrival.take(0, CONTENT[:4])
    with pytest.raises(TargetError, match="from byte 4 on, found byte 5"):
        arrival.take(5, CONTENT[5:])
    arrival.drop()
    assert leftovers(tmp_path) == []


def test_what_a_lost_node_left_is_removed_after_a_day(wanted: TargetsAt, tmp_path: Path) -> None:
    folder = copy_path(tmp_path, wanted.sha256).parent
    folder.mkdir()
    old, new = folder / ".arriving-old", folder / ".arriving-new"
    for path in (old, new):
        path.touch()
    os.utime(old, (time.time() - 25 * 3600,) * 2)
    copy = Arrival(wanted, tmp_path).take(0, CONTENT)
    assert copy is not None
    assert leftovers(tmp_path) == [".arriving-new", copy.name]


def test_a_folder_that_cannot_be_written_is_named(wanted: TargetsAt, tmp_path: Path) -> None:
    (tmp_path / "node-targets").touch()
    with pytest.raises(TargetError, match=f"cannot keep targets in {tmp_path}"):
        Arrival(wanted, tmp_path).take(0, CONTENT)
