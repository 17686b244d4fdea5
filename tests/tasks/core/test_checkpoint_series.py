"""Which checkpoints a night evaluates, and in which order."""

import pytest

from tasks.core.checkpoint_series import (
    Checkpoint,
    Entry,
    Failure,
    Order,
    Score,
    choose,
    in_series,
    is_due,
    run_name,
    scored_in_series,
)

SCORE = Score(0.5, 1, 2, (0.1, 0.9))


def checkpoint(step: int, changed_s: float = 0.0) -> Checkpoint:
    return Checkpoint(f"step-{step}", f"files:{step}", f"/ckpts/step-{step}", changed_s)


def entry(step: int, *, failed: int = 0, score: Score | None = None) -> Entry:
    failures = (Failure("then", "why"),) * failed
    return Entry(checkpoint(step), f"step-{step}", failures, score)


SERIES = [checkpoint(step) for step in (900, 1000, 1100)]


def test_numbers_in_names_compare_as_numbers() -> None:
    assert in_series([SERIES[1], SERIES[2], SERIES[0]], Order.NAME) == SERIES


def test_a_series_can_go_by_time() -> None:
    late, early = checkpoint(1, 20.0), checkpoint(2, 10.0)
    assert in_series([late, early], Order.TIME) == [early, late]
    assert in_series([late, early], Order.NAME) == [late, early]


def test_the_same_weights_come_once() -> None:
    copy = Checkpoint("a-copy", "files:900", "/copies/a-copy")
    assert in_series([SERIES[0], copy], Order.NAME) == [SERIES[0]]


def test_a_night_takes_what_has_no_score() -> None:
    known = {"files:900": entry(900, score=SCORE)}
    assert choose(SERIES, known, (), tries=3, most=None) == SERIES[1:]


def test_a_short_night_takes_the_newest_and_the_older_of_these_first() -> None:
    assert choose(SERIES, {}, (), tries=3, most=2) == SERIES[1:]
    assert choose(SERIES, {}, (), tries=3, most=9) == SERIES


def test_what_somebody_else_evaluates_is_left_to_them() -> None:
    assert choose(SERIES, {}, {"files:1100"}, tries=3, most=2) == SERIES[:2]


@pytest.mark.parametrize(("failed", "due"), [(0, True), (2, True), (3, False), (4, False)])
def test_a_checkpoint_is_tried_a_bounded_number_of_times(failed: int, due: bool) -> None:  # noqa: FBT001 - a table
    assert is_due(entry(1, failed=failed), tries=3) is due
    assert not is_due(entry(1, failed=failed, score=SCORE), tries=3)


def test_only_scored_checkpoints_are_in_the_trend() -> None:
    entries = [entry(10, score=SCORE), entry(9, failed=1), entry(2, score=SCORE)]
    names = [e.checkpoint.name for e in scored_in_series(entries, Order.NAME)]
    assert names == ["step-2", "step-10"]


def test_a_run_directory_is_named_for_people_and_for_the_weights() -> None:
    """The first eight digits of each sha256, by sha256sum."""
    assert run_name(Checkpoint("run 7/step-1", "a", "")) == "run-7-step-1-ca978112"
    assert run_name(Checkpoint("../..", "b", "")) == "checkpoint-3e23e816"
    assert run_name(Checkpoint("x" * 300, "a", "")) == "x" * 80 + "-ca978112"
