"""What a child may say, in which order, and how much of it is kept."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.records import ChildCase, Ending, Job, Limits
from tasks.sandbox.messages import (
    HEADER_BYTES,
    MessageKind,
    Transcript,
    pack_ended,
    pack_header,
    pack_job,
    pack_started,
    unpack_job,
)

STARTED = pack_started(("rlimits",))


def frame(payload):
    return pack_header(MessageKind.FRAME, len(payload)) + payload


def heard(data, cases=2, frame_bytes=100):
    transcript = Transcript(cases, frame_bytes)
    transcript.feed(data)
    return transcript


def test_a_job_comes_out_as_it_went_in():
    job = Job("x = 'é\ud800'", (ChildCase("y = 1", ("x", "y")), ChildCase("", ())))
    limits = Limits(1.5, 2.5, 3, 4)
    assert unpack_job(pack_job(job, limits)[HEADER_BYTES:]) == (job, limits)


@given(st.lists(st.integers(1, 60)))
def test_a_talk_is_the_same_however_it_is_cut(cuts):
    talk = STARTED + frame(b"one") + frame(b"") + pack_ended(Ending.COMPLETED, "")
    transcript = Transcript(2, 100)
    for cut in cuts:
        transcript.feed(talk[:cut])
        talk = talk[cut:]
    transcript.feed(talk)
    assert transcript.layers == ("rlimits",)
    assert transcript.frames == [b"one", b""]
    assert transcript.ended == (Ending.COMPLETED, "")
    assert not transcript.interrupted


@pytest.mark.parametrize("cut", [3, HEADER_BYTES, HEADER_BYTES + 2])
def test_half_a_frame_is_an_interrupted_talk(cut):
    transcript = heard(STARTED + frame(b"three")[:cut])
    assert transcript.interrupted
    assert transcript.ended is None
    assert transcript.frames == []


def test_frames_share_one_limit():
    transcript = heard(STARTED + frame(bytes(60)) + frame(bytes(40)))
    assert transcript.ended is None
    transcript = heard(STARTED + frame(bytes(60)) + frame(bytes(41)))
    assert transcript.ended is not None
    assert transcript.ended[0] is Ending.OVERSIZED
    assert len(transcript.frames) == 1


def test_an_impossible_length_is_refused_by_its_header():
    transcript = heard(STARTED + pack_header(MessageKind.FRAME, 2**63))
    assert transcript.ended is not None
    assert transcript.ended[0] is Ending.OVERSIZED


@pytest.mark.parametrize(
    "said",
    [
        b"Fgarbage",
        b"garbage garbage",
        STARTED + b"garbage garbage",
        STARTED + STARTED,
        frame(b"x"),
        STARTED + frame(b"") * 3,
        STARTED + pack_header(MessageKind.ENDED, 2**40),
        STARTED + pack_header(MessageKind.JOB, 1),
        STARTED + pack_ended(Ending.COMPLETED, ""),
        STARTED + pack_ended(Ending.TIMED_OUT, ""),
        STARTED + pack_header(MessageKind.ENDED, 2) + b"{}",
        STARTED + pack_header(MessageKind.ENDED, 4) + b"\xff\xff\xff\xff",
        STARTED + pack_header(MessageKind.ENDED, 12) + b'["raised",1]',
        STARTED + pack_header(MessageKind.ENDED, 14) + b'["raised",1,0]',
        STARTED + pack_header(MessageKind.ENDED, 8) + b'["dead"]',
        STARTED + pack_header(MessageKind.ENDED, 60000) + b"[" * 60000,
    ],
    ids=range(16),
)
def test_what_is_not_the_protocol_is_garbled(said):
    transcript = heard(said + b"x" * 20)
    assert transcript.ended is not None
    assert transcript.ended[0] is Ending.GARBLED


@pytest.mark.parametrize("denied", [True, False])
def test_the_end_tells_whether_something_was_denied(denied):
    assert heard(STARTED + pack_ended(Ending.RAISED, "", denied=denied)).denied is denied


def test_nothing_is_read_after_the_end():
    transcript = heard(STARTED + pack_ended(Ending.RAISED, "first"))
    transcript.feed(pack_ended(Ending.COMPLETED, "") + frame(b"late"))
    assert transcript.ended == (Ending.RAISED, "first")
    assert transcript.frames == []


def test_a_detail_is_cut_and_fit_for_a_file_and_a_terminal():
    payload = json.dumps(["raised", "\ud800\x1b[2J" + "x" * 5000, False]).encode()
    transcript = heard(STARTED + pack_header(MessageKind.ENDED, len(payload)) + payload)
    assert transcript.ended == (Ending.RAISED, "x" * 2000)
    short = heard(STARTED + pack_ended(Ending.RAISED, "a\ud800\x1b[2J\nb"))
    assert short.ended == (Ending.RAISED, "a?\ufffd[2J\nb")
