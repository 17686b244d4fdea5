"""The trend of a series: each checkpoint against the previous and the best before it."""

from tasks.core.checkpoint_series import Checkpoint, Entry, Failure, Score
from tasks.core.errors import ConfigError
from tasks.core.run_comparison import Comparison
from tasks.core.trend import Change, Row, change_document, change_text, trend, trend_markdown


def entry(step: int, passed: int) -> Entry:
    return Entry(
        Checkpoint(f"step_{step}", f"files:{step}", ""),
        f"run-{step}",
        score=Score(passed / 10, passed, 10, (0.0, 1.0)),
        flow_run_id=f"id-{step}",
        evaluated_at="2026-01-02T03:04:05+00:00",
    )


def compare(before: Entry, after: Entry) -> Comparison:
    """A difference of -0.3 or more is significant here."""
    assert before.score is not None
    assert after.score is not None
    difference = after.score.value - before.score.value
    return Comparison(difference, (difference - 0.25, difference + 0.25), ("1.1",), ())


SERIES = [entry(1, 5), entry(2, 8), entry(3, 8), entry(4, 4), entry(5, 6)]


def drops(rows: list[Row]) -> list[tuple[bool, bool]]:
    return [
        (
            row.previous is not None and row.previous.dropped,
            row.best is not None and row.best.dropped,
        )
        for row in rows
    ]


def test_each_is_compared_with_the_previous_and_the_best_before() -> None:
    """Of equal ones the first is the best: step 2, not 3."""
    rows = trend(SERIES, compare, 0.0)
    previous = [row.previous.earlier if row.previous else None for row in rows]
    best = [row.best.earlier if row.best else None for row in rows]
    assert previous == [None, "step_1", "step_2", "step_3", "step_4"]
    assert best == [None, "step_1", "step_2", "step_2", "step_2"]


def test_a_drop_is_significant_where_its_interval_lies_below_zero() -> None:
    """Differences: 0.3, 0, -0.4, 0.2 to the previous; 0.3, 0, -0.4, -0.2 to the best."""
    expected = [(False, False), (False, False), (False, False), (True, True), (False, False)]
    assert drops(trend(SERIES, compare, 0.0)) == expected
    assert drops(trend(SERIES, compare, 0.5)) == [(False, False)] * 5


def test_runs_that_cannot_be_compared_leave_the_scores() -> None:
    def refuse(before: Entry, after: Entry) -> Comparison:
        raise ConfigError(f"{before.run} and {after.run}: no rollouts")

    row = trend(SERIES[:2], refuse, 0.0)[1]
    assert row.previous == Change("step_1", None, dropped=False)
    assert change_document(row.previous) is None
    assert change_text(row.previous) == "cannot be compared"


def test_the_newest_stands_on_top_with_its_changes_and_a_link() -> None:
    text = trend_markdown(
        "Nightly on small", trend(SERIES[2:4], compare, 0.0), (), {"id-4": "u"}, 3
    )
    lines = text.splitlines()
    assert lines[0] == "# Nightly on small"
    assert lines[4] == (
        r"| [step\_4](u) | 2026-01-02 03:04 | 0.4000<br>0.0000 to 1.0000 | 4 of 10 "
        "| **significant drop**<br>-0.4000 (-0.6500 to -0.1500)<br>1 lost, 0 gained "
        r"| step\_3<br>**significant drop**<br>-0.4000 (-0.6500 to -0.1500)<br>1 lost, 0 gained |"
    )
    assert lines[5] == (
        r"| step\_3 | 2026-01-02 03:04 | 0.8000<br>0.0000 to 1.0000 | 8 of 10 | – | – |"
    )


def test_what_failed_is_listed_with_its_tries() -> None:
    failed = Entry(Checkpoint("step_6", "f", ""), "r", (Failure("t", "a|b\nc"),))
    text = trend_markdown("t", (), (failed,), {}, 3)
    assert text.endswith("| step\\_6 | 1 of 3 | t: a\\|b c |\n")


def test_the_event_holds_the_change_whole() -> None:
    change = Change("step_1", Comparison(-0.5, (-0.9, -0.1), ("1.1",), ()), dropped=True)
    assert change_document(change) == {
        "checkpoint": "step_1",
        "difference": -0.5,
        "interval": [-0.9, -0.1],
        "dropped": True,
        "lost": ["1.1"],
        "gained": [],
    }
    assert change_text(Change("a", Comparison(0.5, None, (), ("1.1",)), dropped=False)) == (
        "+0.5000, 0 lost, 1 gained"
    )
