import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tasks.core.errors import EvalError
from tasks.core.protocols import (
    DEV_IDS,
    TEST_GIVEN,
    TEST_IDS,
    Benchmark,
    ProtocolScore,
    published_scores,
)
from tasks.core.records import AttemptResult, Reason, StepResult, Usage
from tasks.core.scoring import score

DATA = Path(__file__).parents[3].parent / "shared" / "data" / "scicode"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs SciCode's problem files")

# Any sizes with the right sums: 64 * 4 + 32 = 288 over the test problems; 14 * 3 + 8 = 50 over dev.
TEST_SIZES = {i: 32 if i == "77" else 4 for i in TEST_IDS}
DEV_SIZES = {i: 8 if i == "10" else 3 for i in DEV_IDS}


def attempts_of(
    sizes: Mapping[str, int], reason: Reason = Reason.PASSED, repeat: int = 0
) -> list[AttemptResult]:
    return [
        AttemptResult(
            i, repeat, tuple(StepResult(f"{i}.{k + 1}", reason) for k in range(n)), Usage(0, 0)
        )
        for i, n in sizes.items()
    ]


def scores_of(
    attempts: list[AttemptResult],
    benchmark: Benchmark | None = Benchmark.SCICODE,
    given: Mapping[str, int] = TEST_GIVEN,
    *,
    restricted: bool = False,
) -> dict[str, ProtocolScore]:
    found = published_scores(attempts, given, restricted=restricted, benchmark=benchmark)
    return {protocol.name: protocol for protocol in found}


def test_a_run_of_the_test_problems_serves_288_and_291() -> None:
    assert list(scores_of(attempts_of(TEST_SIZES))) == ["65/288", "65/291"]


def test_a_run_of_all_problems_serves_338_and_those_of_its_test_problems() -> None:
    found = scores_of(attempts_of(TEST_SIZES | DEV_SIZES))
    assert [(p.name, p.passed, p.problems_solved) for p in found.values()] == [
        ("65/288", 288, 65),
        ("65/291", 288, 62),
        ("80/338", 338, 80),
    ]


def test_given_steps_that_count_as_failed_set_a_ceiling() -> None:
    found = scores_of(attempts_of(TEST_SIZES))["65/291"]
    # 288/291 = 0.989691; problems 13, 62 and 76 cannot be solved.
    assert found.value == pytest.approx(0.989691, abs=1e-6)
    assert (found.passed, found.steps, found.problems_solved, found.problems) == (288, 291, 62, 65)


def test_counts_are_means_over_repeats() -> None:
    # Repeat 0 passes all, repeats 1 and 2 none: 288 / 3 = 96 sub-steps, 65 / 3 problems.
    attempts = attempts_of(TEST_SIZES)
    attempts += attempts_of(TEST_SIZES, Reason.TIMEOUT, 1) + attempts_of(
        TEST_SIZES, Reason.NO_CODE, 2
    )
    found = scores_of(attempts)["65/288"]
    assert (found.passed, found.value) == (96, pytest.approx(1 / 3))
    assert found.problems_solved == pytest.approx(65 / 3)


def test_the_order_of_attempts_does_not_matter() -> None:
    attempts = attempts_of(TEST_SIZES) + attempts_of(TEST_SIZES, Reason.KILLED, 1)
    assert scores_of(attempts[::-1]) == scores_of(attempts)


def test_the_dev_problems_alone_serve_no_published_protocol() -> None:
    assert scores_of(attempts_of(DEV_SIZES), given={}) == {}


def test_the_verified_problems_serve_287() -> None:
    # One problem of 4 sub-steps left out, another one 3 longer: 288 - 4 + 3 = 287.
    sizes = {i: n + 3 * (i == "12") for i, n in TEST_SIZES.items() if i != "80"}
    assert list(scores_of(attempts_of(sizes), Benchmark.VERIFIED)) == ["64/287"]
    assert scores_of(attempts_of(sizes), Benchmark.SCICODE) == {}


@pytest.mark.parametrize("benchmark", [None, Benchmark.VERIFIED])
def test_equal_ids_and_counts_of_another_benchmark_serve_nothing(
    benchmark: Benchmark | None,
) -> None:
    assert scores_of(attempts_of(TEST_SIZES), benchmark) == {}


def test_a_restricted_score_serves_nothing() -> None:
    assert scores_of(attempts_of(TEST_SIZES), restricted=True) == {}


@pytest.mark.parametrize(
    "sizes",
    [
        {i: n for i, n in TEST_SIZES.items() if i != "2"},
        {i: n + 4 * (i == "77") for i, n in TEST_SIZES.items() if i != "2"},
        TEST_SIZES | {"2": 3},
        {("x" if i == "2" else i): n for i, n in TEST_SIZES.items()},
    ],
    ids=[
        "a problem is missing",
        "with another its size",
        "a sub-step is missing",
        "a problem is another",
    ],
)
def test_a_part_of_the_test_problems_serves_nothing(sizes: Mapping[str, int]) -> None:
    assert scores_of(attempts_of(sizes)) == {}


@pytest.mark.parametrize("given", [{}, {**TEST_GIVEN, "11": 1}, {"13": 2, "62": 1}])
def test_other_given_steps_serve_nothing(given: Mapping[str, int]) -> None:
    assert scores_of(attempts_of(TEST_SIZES), given=given) == {}


def test_an_incomplete_evaluation_is_refused() -> None:
    with pytest.raises(EvalError, match="unscored"):
        scores_of(attempts_of(TEST_SIZES, Reason.UNSCORED))


def sizes_and_given(name: str) -> tuple[dict[str, int], dict[str, int]]:
    problems = [json.loads(line) for line in (DATA / name).read_text().splitlines()]
    counts = {p["problem_id"]: [bool(s["test_cases"]) for s in p["sub_steps"]] for p in problems}
    scored = {i: sum(kinds) for i, kinds in counts.items()}
    return scored, {i: len(kinds) - sum(kinds) for i, kinds in counts.items()}


@needs_data
def test_the_real_test_problems_are_recognised() -> None:
    scored, given = sizes_and_given("problems_test.jsonl")
    found = scores_of(attempts_of(scored), given=given)
    assert [(p.name, p.passed, p.problems_solved) for p in found.values()] == [
        ("65/288", 288, 65),
        ("65/291", 288, 62),
    ]


@needs_data
def test_three_repeats_of_all_real_problems_have_338_steps_over_80_problems() -> None:
    scored, given = sizes_and_given("problems_test.jsonl")
    dev_scored, dev_given = sizes_and_given("problems_dev.jsonl")
    assert (set(dev_scored), sum(dev_scored.values())) == (DEV_IDS, 50)
    attempts = [a for r in range(3) for a in attempts_of(scored | dev_scored, repeat=r)]
    assert "80/338" in scores_of(attempts, given=given | dev_given)
    # 338 / 80 = 4.225
    assert score(attempts)["mean/num_steps_total"].value == 4.225
