"""What the judge process does with a request, and which targets it keeps."""

import io
import json

import numpy as np
import pytest
from scipy import sparse

from tasks.core.errors import TargetError
from tasks.core.records import Reason
from tasks.judge.messages import LENGTH_BYTES, pack_request
from tasks.judge.process import KeptTargets, decide, serve, value_bytes
from tasks.targets import TargetFile, write_targets


class CountingFile(TargetFile):
    """Notes which targets are read from the file."""

    def __init__(self, path):
        super().__init__(path)
        self.reads = []

    def read(self, step_id, case_number):
        self.reads.append((step_id, case_number))
        return super().read(step_id, case_number)


@pytest.fixture
def arrays(tmp_path):
    """Three targets of 800 bytes each: 0, 1 and 2, a hundred times."""
    path = tmp_path / "arrays.h5"
    write_targets(path, {"1.1": [np.full(100, float(i)) for i in range(3)]})
    with CountingFile(path) as file:
        yield file


def test_a_target_is_read_once_while_there_is_room(arrays):
    kept = KeptTargets(arrays, kept_bytes=2000)
    assert [kept.read("1.1", n)[0] for n in (1, 2, 1, 2)] == [0, 1, 0, 1]
    assert arrays.reads == [("1.1", 1), ("1.1", 2)]


def test_the_target_used_longest_ago_makes_room(arrays):
    kept = KeptTargets(arrays, kept_bytes=2000)
    for number in (1, 2, 1, 3, 1, 2):
        kept.read("1.1", number)
    # 3 displaces 2, since 1 was used after it; then 2 displaces 3.
    assert [number for _, number in arrays.reads] == [1, 2, 3, 2]


def test_a_target_larger_than_the_room_is_served_all_the_same(arrays):
    kept = KeptTargets(arrays, kept_bytes=10)
    assert kept.read("1.1", 3).sum() == 200


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (np.ones((3, 4)), 96),
        ((np.ones(2), [np.ones(1)]), 24),
        ({"a": np.ones(5)}, 40),
        # Two numbers of 8 bytes, each with a place.
        (sparse.eye(2, format="csr"), 48),
    ],
)
def test_the_size_of_a_target_is_that_of_its_arrays(value, size):
    assert value_bytes(value) == size


def replies_to(file, *requests):
    replies = io.BytesIO()
    packed = b"".join(piece for request in requests for piece in pack_request(request))
    serve(io.BytesIO(packed), replies, KeptTargets(file))
    data = replies.getvalue()
    while data:
        end = LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "big")
        yield json.loads(data[LENGTH_BYTES:end])
        data = data[end:]


def test_an_error_of_ours_is_a_reply_and_the_next_request_is_served(targets, request_for):
    missing = request_for("9.9", ["assert f(1) == target"], [1.0])
    right = request_for("1.2", ["assert f(1) == target"], [True])
    with TargetFile(targets) as file:
        first, second = replies_to(file, missing, right)
    assert "9.9/test1" in first["error"]
    assert second == {"reason": "passed", "detail": ""}


def test_an_error_that_nobody_foresaw_is_no_verdict(request_for):
    class Broken:
        def read(self, *_):
            raise ZeroDivisionError("by accident")

    (reply,) = replies_to(Broken(), request_for("1.2", ["assert f(1) == target"], [True]))
    assert list(reply) == ["error"]
    assert "ZeroDivisionError" in reply["error"]


def test_bytes_that_are_no_frame_are_the_candidates_fault(targets, request_for):
    request = request_for("1.2", ["assert f(1) == target"], b"no frame at all")
    with TargetFile(targets) as file:
        assert decide(request, KeptTargets(file)).reason is Reason.BAD_VALUE


def test_a_case_whose_group_in_the_file_is_empty_is_an_error(targets, request_for):
    request = request_for("1.3", ["assert f(1) == target"], [None])
    with TargetFile(targets) as file, pytest.raises(TargetError, match="expected a target"):
        decide(request, KeptTargets(file))
