"""Programs are grouped into the attempts that they belong to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.config import VerifyConfig, validate
from flows.dataset import Dataset, load_dataset
from flows.programs import load_attempt_programs, verify_identity
from tasks.core.errors import DatasetError
from tasks.core.records import Scored
from tasks.targets import write_targets


@pytest.fixture
def config(small: Path, tmp_path: Path) -> VerifyConfig:
    return validate(VerifyConfig, {"dataset": str(small), "programs": tmp_path / "programs.jsonl"})


@pytest.fixture
def dataset(config: VerifyConfig) -> Dataset:
    return load_dataset(config)


def write(config: VerifyConfig, *places: tuple[int, str]) -> Path:
    lines = [{"step_id": step, "program": f"# {step}", "repeat": repeat} for repeat, step in places]
    config.programs.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return config.programs


def test_programs_are_grouped_by_repeat_and_problem_in_order(
    config: VerifyConfig, dataset: Dataset
) -> None:
    places = [(1, "2.2"), (0, "1.3"), (0, "2.2"), (1, "1.3"), (0, "1.1"), (1, "1.1")]
    attempts = load_attempt_programs(write(config, *places), dataset)
    grouped = [(a.repeat, a.problem_id, [line.step_id for line in a.lines]) for a in attempts]
    assert grouped == [
        (0, "1", ["1.1", "1.3"]),
        (0, "2", ["2.2"]),
        (1, "1", ["1.1", "1.3"]),
        (1, "2", ["2.2"]),
    ]


@pytest.mark.parametrize("step_id", ["9.9", "2.1"])
def test_a_program_of_an_unknown_or_given_sub_step_is_refused(
    step_id: str, config: VerifyConfig, dataset: Dataset
) -> None:
    with pytest.raises(DatasetError, match=rf"found '{step_id}' \(and 0 more\)"):
        load_attempt_programs(write(config, (0, "1.1"), (0, step_id)), dataset)


def test_a_program_outside_of_the_chosen_problems_is_refused(config: VerifyConfig) -> None:
    chosen = load_dataset(config.model_copy(update={"problems": ("1",)}))
    with pytest.raises(DatasetError, match=r"found '2\.2'.*outside of --problems"):
        load_attempt_programs(write(config, (0, "2.2")), chosen)


def test_repeats_that_differ_in_their_sub_steps_are_refused(
    config: VerifyConfig, dataset: Dataset
) -> None:
    with pytest.raises(DatasetError, match="scored sub-steps"):
        load_attempt_programs(write(config, (0, "1.1"), (0, "1.2"), (1, "1.1")), dataset)


def test_problems_that_differ_in_their_repeats_are_refused(
    config: VerifyConfig, dataset: Dataset
) -> None:
    with pytest.raises(DatasetError, match="same repeats of every problem"):
        load_attempt_programs(write(config, (0, "1.1"), (1, "1.1"), (0, "2.2")), dataset)


def test_other_programs_are_another_verification(config: VerifyConfig, dataset: Dataset) -> None:
    write(config, (0, "1.1"))
    first = verify_identity(config, dataset)
    write(config, (0, "1.2"))
    second = verify_identity(config, dataset)
    assert [name for name in first if first[name] != second[name]] == ["programs_sha256"]


def test_programs_of_sub_steps_without_targets_are_left_out_where_that_is_asked_for(
    config: VerifyConfig, tmp_path: Path
) -> None:
    targets = tmp_path / "some.h5"
    # 3 doubled
    write_targets(targets, {"1.1": [6]})
    some = {"targets": targets, "scored": Scored.WITH_TARGETS}
    dataset = load_dataset(config.model_copy(update=some))
    attempts = load_attempt_programs(write(config, (0, "1.1"), (0, "1.2"), (0, "2.2")), dataset)
    assert [line.step_id for attempt in attempts for line in attempt.lines] == ["1.1"]


def test_a_run_directory_stands_for_its_generations(
    config: VerifyConfig, dataset: Dataset, tmp_path: Path
) -> None:
    file = write(config, (0, "1.1"), (0, "1.2"))
    file.rename(tmp_path / "generations.jsonl")
    assert [a.problem_id for a in load_attempt_programs(tmp_path, dataset)] == ["1"]


def test_after_a_prompt_that_was_too_long_every_sub_step_counts(
    config: VerifyConfig, dataset: Dataset
) -> None:
    lines = [
        {"step_id": "1.1", "program": "# 1.1"},
        {"step_id": "1.2", "program": "# 1.2", "finish_reason": "overlong"},
    ]
    config.programs.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (attempt,) = load_attempt_programs(config.programs, dataset)
    assert [(line.step_id, line.overlong) for line in attempt.lines] == [
        ("1.1", False),
        ("1.2", True),
        ("1.3", True),
    ]
