"""A request arrives as it was sent."""

import io
from dataclasses import replace

from tasks.core.records import Ending
from tasks.judge.messages import LENGTH_BYTES, pack_reply, pack_request, read_request


def test_requests_arrive_one_after_another_as_they_were_sent(request_for):
    cases = ["a, b = target\nassert f(1) == a and g(1) == b", "assert h(1) == None"]
    first = request_for("1.1", cases, [1.0, "ü"], b"", ending=Ending.RAISED)
    second = request_for("1.2", ["assert f(1) == target"], [b"\x00" * 1000])
    second = replace(second, reveal=True)
    stream = io.BytesIO(b"".join([*pack_request(first), *pack_request(second)]))
    assert read_request(stream) == first
    assert read_request(stream) == second
    assert read_request(stream) is None


def test_a_reply_is_its_length_and_a_json_object():
    packed = pack_reply({"reason": "passed"})
    assert int.from_bytes(packed[:LENGTH_BYTES], "big") == len(packed) - LENGTH_BYTES
    assert packed[LENGTH_BYTES:] == b'{"reason": "passed"}'
