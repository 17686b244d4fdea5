import json

import pytest

from tasks.core.json_value import JsonValue
from tasks.core.records import StepKey, Usage
from tasks.core.spending import Price, Spent, usage_document
from tasks.core.usage_line import cost_text, seconds_text, tokens_text, usage_line

FRESH = Spent(StepKey("1", 0, "1.1"), Usage(300_000, 100_000), 10.0, cached=False, counted=True)
KEPT = Spent(StepKey("1", 0, "1.2"), Usage(900_000, 200_000), 3.2, cached=True, counted=True)


def document(*spent: Spent, price: Price | None = None) -> dict[str, JsonValue]:
    return {"usage": usage_document(spent, price)["run"]}


def test_the_line_tells_tokens_costs_and_latencies() -> None:
    """1.2 x 1 + 0.3 x 10 are 4.2 in all, 0.3 x 1 + 0.1 x 10 are 1.3 of them fresh."""
    assert usage_line(document(FRESH, KEPT, price=Price(1.0, 10.0))) == (
        "tokens: 1.2 M in, 300.0 k out, cost 4.20 (fresh: 400.0 k, cost 1.30) "
        "· latency p50 3.2 s, p90 10 s, p99 10 s"
    )


def test_what_is_fresh_is_told_apart_only_where_something_was_cached() -> None:
    assert usage_line(document(FRESH)) == (
        "tokens: 300.0 k in, 100.0 k out · latency p50 10 s, p90 10 s, p99 10 s"
    )
    assert "out (fresh: 0) ·" in usage_line(document(KEPT))


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert usage_line({}) == ""
    assert usage_line(document()) == "tokens: 0 in, 0 out"


def test_the_line_can_be_made_from_the_file_on_disk() -> None:
    made = document(FRESH, KEPT, price=Price(1.0, 10.0))
    assert usage_line(json.loads(json.dumps(made))) == usage_line(made)


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (999, "999"),
        (1_000, "1.0 k"),
        (999_949, "999.9 k"),
        (999_950, "1.0 M"),
        (1_234_567_890, "1234.6 M"),
    ],
)
def test_tokens_are_written_in_thousands_and_millions(tokens: int, text: str) -> None:
    assert tokens_text(tokens) == text


@pytest.mark.parametrize(
    ("cost", "text"), [(0.0, "0.00"), (0.00123, "0.0012"), (0.01, "0.01"), (1234.567, "1234.57")]
)
def test_small_costs_keep_two_digits(cost: float, text: str) -> None:
    assert cost_text(cost) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.00001, "0 s"),
        (0.0032, "0.003 s"),
        (0.25, "0.25 s"),
        (3.21, "3.2 s"),
        (9.96, "10 s"),
        (1234.5, "1234 s"),
    ],
)
def test_seconds_keep_two_digits_until_they_are_whole(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text
