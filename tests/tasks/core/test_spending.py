import json
import time

import pytest

from tasks.core.records import Answered, FinishReason, Generation, StepKey, Usage
from tasks.core.spending import Price, Spent, estimate_tokens, usage_document, usage_remark

PRICE = Price(input=2.0, output=10.0)


def spent(
    step_id: str, tokens: tuple[int, int], latency_s: float, *, cached: bool = False
) -> Spent:
    problem_id = step_id.partition(".")[0]
    key = StepKey(problem_id, 0, step_id)
    return Spent(key, Usage(*tokens), latency_s, cached, counted=tokens != (0, 0))


SPENT = (
    spent("10.2", (1000, 200), 4.0),
    spent("2.1", (500, 100), 1.0, cached=True),
    spent("10.10", (3000, 600), 8.0),
    spent("10.2", (0, 0), 2.0),
)


def test_tokens_are_paid_by_the_million() -> None:
    # 1.5 million at 2 and 0.25 million at 10.
    assert PRICE.cost(Usage(1_500_000, 250_000)) == 3.0 + 2.5


def test_what_is_fresh_and_what_was_cached_are_counted_apart() -> None:
    """1000 + 500 + 3000 in and 200 + 100 + 600 out; 4500 x 2 + 900 x 10 = 18 000 millionths."""
    assert usage_document(SPENT, PRICE)["run"] == {
        "generations": 4,
        "input_tokens": 4500,
        "output_tokens": 900,
        "cost": 0.018,
        "without_usage": 1,
        # 4000 x 2 + 800 x 10 = 16 000 millionths.
        "fresh": {"generations": 3, "input_tokens": 4000, "output_tokens": 800, "cost": 0.016},
        # 500 x 2 + 100 x 10 = 2000 millionths.
        "cached": {
            "generations": 1,
            "input_tokens": 500,
            "output_tokens": 100,
            "cost_saved": 0.002,
        },
        # Of 1, 2, 4 and 8: rank 2 of 4, rank 3.6 up to 4, rank 3.96 up to 4.
        "latency_s": {"p50": 2.0, "p90": 8.0, "p99": 8.0, "max": 8.0},
    }


def test_problems_and_sub_steps_have_entries_of_their_own_in_natural_order() -> None:
    document = usage_document(iter(SPENT), None)
    assert list(document["problems"]) == ["2", "10"]  # type: ignore[arg-type]
    assert list(document["sub_steps"]) == ["2.1", "10.2", "10.10"]  # type: ignore[arg-type]
    assert document["sub_steps"]["10.2"] == {  # type: ignore[index,call-overload]
        "generations": 2,
        "input_tokens": 1000,
        "output_tokens": 200,
        "cost": None,
        "without_usage": 1,
        "fresh": {"generations": 2, "input_tokens": 1000, "output_tokens": 200, "cost": None},
        "cached": {"generations": 0, "input_tokens": 0, "output_tokens": 0, "cost_saved": None},
        "latency_s": {"p50": 2.0, "p90": 4.0, "p99": 4.0, "max": 4.0},
    }
    problem = document["problems"]["10"]  # type: ignore[index,call-overload]
    assert (problem["generations"], problem["input_tokens"]) == (3, 4000)  # type: ignore[index,call-overload]


def test_percentiles_are_by_nearest_rank() -> None:
    """Of 1 to 200 seconds in any order: ranks 100, 180 and 198."""
    steps = [spent("1.1", (1, 1), float(n)) for n in reversed(range(1, 201))]
    run = usage_document(steps, None)["run"]
    assert run["latency_s"] == {"p50": 100.0, "p90": 180.0, "p99": 198.0, "max": 200.0}  # type: ignore[index,call-overload]


def test_a_run_without_answers_has_no_latency() -> None:
    document = usage_document([], PRICE)
    assert document["problems"] == document["sub_steps"] == {}
    run = document["run"]
    assert (run["generations"], run["cost"], run["latency_s"]) == (0, 0.0, None)  # type: ignore[index,call-overload]


def test_the_document_survives_json_unchanged() -> None:
    document = usage_document(SPENT, PRICE)
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_a_hundred_thousand_generations_take_seconds() -> None:
    many = [spent(f"{n % 65}.{n % 13}", (n, 1), n / 7) for n in range(100_000)]
    start = time.perf_counter()
    run = usage_document(many, PRICE)["run"]
    assert time.perf_counter() - start < 10
    # The sum of 0 to 99 999.
    assert run["input_tokens"] == 4_999_950_000  # type: ignore[index,call-overload]


def test_missing_token_counts_are_remarked() -> None:
    remark = usage_remark(SPENT)
    assert remark is not None
    assert remark.text == (
        "1 of 4 generations came without token counts; token metrics are too low"
    )
    assert remark.data == {"without_usage": 1, "generations": 4}
    assert usage_remark(SPENT[:3]) is None


@pytest.mark.parametrize(
    ("finish_reason", "usage", "counted"),
    [
        (FinishReason.STOP, Usage(3, 0), True),
        (FinishReason.STOP, Usage(0, 0), False),
        # The endpoint refused the prompt: there was nothing to count.
        (FinishReason.OVERLONG, Usage(0, 0), True),
    ],
)
def test_an_answer_is_counted_where_the_endpoint_told_its_tokens(
    finish_reason: FinishReason, usage: Usage, *, counted: bool
) -> None:
    key = StepKey("1", 2, "1.1")
    answered = Answered(Generation("", finish_reason, usage, 1.5), cached=True)
    assert Spent.of(key, answered) == Spent(key, usage, 1.5, cached=True, counted=counted)


def test_tokens_are_guessed_from_characters_rounded_up() -> None:
    assert [estimate_tokens("x" * n) for n in (0, 1, 4, 5)] == [0, 1, 1, 2]
