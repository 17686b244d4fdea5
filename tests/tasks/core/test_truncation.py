"""A missing answer tells whether the token limit took it; no other verdict changes."""

import pytest

from tasks.core.records import FinishReason, Reason, Verdict
from tasks.core.truncation import explain_truncation

NO_CODE = Verdict(Reason.NO_CODE, "the generation holds no code", 0.25, ("landlock",), cached=True)


def test_no_code_behind_the_token_limit_is_truncated() -> None:
    explained = explain_truncation(NO_CODE, FinishReason.LENGTH)

    assert explained.detail.startswith("truncated: ")
    assert explained.detail.endswith("; the generation holds no code")


def test_nothing_but_the_detail_changes() -> None:
    explained = explain_truncation(NO_CODE, FinishReason.LENGTH)

    assert (explained.reason, explained.duration_s, explained.layers, explained.cached) == (
        NO_CODE.reason,
        NO_CODE.duration_s,
        NO_CODE.layers,
        NO_CODE.cached,
    )


def test_a_verdict_without_detail_gets_no_separator() -> None:
    explained = explain_truncation(Verdict(Reason.NO_CODE), FinishReason.LENGTH)

    assert explained.detail == "truncated: the generation ended at its token limit before any code"


def test_a_detail_stays_within_2000_characters() -> None:
    long = Verdict(Reason.NO_CODE, "x" * 2000)

    assert len(explain_truncation(long, FinishReason.LENGTH).detail) == 2000


@pytest.mark.parametrize("ended", [f for f in FinishReason if f is not FinishReason.LENGTH])
def test_no_code_that_ended_otherwise_is_unchanged(ended: FinishReason) -> None:
    assert explain_truncation(NO_CODE, ended) == NO_CODE


@pytest.mark.parametrize("reason", [r for r in Reason if r is not Reason.NO_CODE])
def test_code_that_was_cut_off_keeps_its_verdict(reason: Reason) -> None:
    verdict = Verdict(reason, "case 1")

    assert explain_truncation(verdict, FinishReason.LENGTH) == verdict
