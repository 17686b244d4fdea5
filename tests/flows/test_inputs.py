"""Everything that an evaluation reads is found and checked before any work."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.config import DataSettings, EvalConfig, validate
from flows.dataset import limits, load_dataset, locate, worker_count
from flows.inputs import load_inputs, load_prompt_template, run_identity
from tasks.core.errors import ConfigError, DatasetError, TargetError
from tasks.core.protocols import Benchmark

SHARED = Path(__file__).parents[3] / "shared" / "data" / "scicode"
MakeConfig = Callable[..., EvalConfig]
GOOD = "{problem_steps_str} {next_step_str} {dependencies}"


def config(**settings: object) -> EvalConfig:
    return validate(EvalConfig, settings)


def rewritten(small: Path, change: Callable[[list[dict[str, object]]], object]) -> Path:
    """Change the small file's problems in place."""
    problems = [json.loads(line) for line in small.read_text().splitlines()]
    change(problems)
    small.write_text("".join(json.dumps(problem) + "\n" for problem in problems))
    return small


def test_the_example_has_43_scored_sub_steps() -> None:
    dataset = load_dataset(config())
    assert (len(dataset.problems), len(dataset.scored), len(dataset.plans)) == (10, 43, 43)
    assert dataset.benchmark is None


def test_targets_beside_a_problem_file_are_found(small: Path) -> None:
    assert locate(config(dataset=str(small))).targets == small.with_name("targets.h5")


def test_chosen_problems_restrict_what_is_scored(small: Path) -> None:
    dataset = load_dataset(config(dataset=str(small), problems="2"))
    assert dataset.scored == {"2.2"}


def test_a_compressed_problem_file_is_the_same_benchmark(small: Path) -> None:
    packed = small.with_name("problems.jsonl.gz")
    packed.write_bytes(gzip.compress(small.read_bytes()))
    plain = load_dataset(config(dataset=str(small)))
    assert load_dataset(config(dataset=str(packed))).problems == plain.problems


def test_a_published_problem_file_is_recognised(tmp_path: Path) -> None:
    problems = SHARED / "problems_dev.jsonl"
    if not problems.is_file():
        pytest.skip("the shared data is not here")
    settings = {"dataset": str(problems), "targets": SHARED / "targets_dev.h5", "problems": "10"}
    assert load_dataset(config(**settings, output=tmp_path)).benchmark is Benchmark.SCICODE


def test_a_named_dataset_is_looked_for_in_the_data_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"dataset 'scicode-dev' needs .*problems_dev.jsonl"):
        locate(config(dataset="scicode-dev", data_dir=tmp_path))
    for name in ("problems_dev.jsonl", "problems_test.jsonl", "test_data.h5"):
        (tmp_path / name).touch()
    files = locate(config(dataset="scicode-all", data_dir=tmp_path))
    assert [path.name for path in files.problems] == ["problems_dev.jsonl", "problems_test.jsonl"]
    assert files.targets == tmp_path / "test_data.h5"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dataset": "scicod"}, r"unknown dataset 'scicod': expected example, scicode"),
        ({"dataset": "absent.jsonl"}, r"the dataset needs absent.jsonl, which is not there"),
        ({"problems": "77"}, r"expected ids of problems in .*found '77'; .*7"),
        ({"problems": "2.1"}, r"looks like a sub-step: choose the whole problem 2"),
        (
            {"model": "gpt"},
            r"the embedded endpoint serves reference and flawed .*found model 'gpt'",
        ),
        ({"upstream": "absent"}, r"--upstream needs absent, which is not there"),
    ],
)
def test_a_wrong_name_is_refused_with_the_right_ones(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_inputs(config(**settings))


def test_problems_without_targets_name_the_command_that_derives_them(small: Path) -> None:
    small.with_name("targets.h5").unlink()
    with pytest.raises(ConfigError, match=r"scicode-flows targets .* derives them from gold code"):
        load_inputs(config(dataset=str(small)))


def test_given_targets_that_are_absent_are_refused(small: Path) -> None:
    with pytest.raises(ConfigError, match=r"--targets needs absent.h5"):
        load_inputs(config(dataset=str(small), targets="absent.h5"))


def test_targets_that_are_no_hdf5_are_refused(small: Path) -> None:
    small.with_name("targets.h5").write_text("nothing of the kind")
    with pytest.raises(TargetError, match="found a file that is not HDF5"):
        load_inputs(config(dataset=str(small)))


def test_targets_that_are_cut_off_are_refused(small: Path) -> None:
    targets = small.with_name("targets.h5")
    targets.write_bytes(targets.read_bytes()[:2000])
    with pytest.raises(TargetError, match="expected a whole HDF5 file"):
        load_inputs(config(dataset=str(small)))


def test_a_wrong_number_of_targets_is_refused(small: Path) -> None:
    def add_case(problems: list[dict[str, object]]) -> None:
        problems[0]["sub_steps"][0]["test_cases"].append("assert double(1) == target")  # type: ignore[index]

    rewritten(small, add_case)
    with pytest.raises(TargetError, match=r"expected 2 targets for 1\.1.*found 1"):
        load_inputs(config(dataset=str(small)))


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("assert double(3) ==", r"1 of sub-step 1\.1"),
        ("for x in target:\n    assert double(x) == target", r"1 of sub-step 1\.1"),
    ],
)
def test_a_case_that_is_no_python_or_cannot_be_split_is_refused(
    case: str, message: str, small: Path
) -> None:
    def spoil(problems: list[dict[str, object]]) -> None:
        problems[0]["sub_steps"][0]["test_cases"] = [case]  # type: ignore[index]

    rewritten(small, spoil)
    with pytest.raises(DatasetError, match=message):
        load_inputs(config(dataset=str(small)))


def test_gold_code_that_is_missing_is_asked_for(small: Path) -> None:
    def forget(problems: list[dict[str, object]]) -> None:
        problems[0]["sub_steps"][1]["ground_truth_code"] = None  # type: ignore[index]

    rewritten(small, forget)
    with pytest.raises(ConfigError, match=r"sub-step 1\.2 has none .*give --base-url"):
        load_inputs(config(dataset=str(small)))
    load_inputs(config(dataset=str(small), base_url="http://127.0.0.1:1/v1", model="m"))


def test_our_own_template_is_used_where_there_is_no_official_one(small: Path) -> None:
    settings = config(dataset=str(small))
    assert load_prompt_template(settings).name == "own-with-background"
    without = settings.model_copy(update={"background": False})
    assert load_prompt_template(without).name == "own-without-background"


def test_the_official_template_beside_the_problems_is_used(small: Path) -> None:
    if not (SHARED / "upstream").is_dir():
        pytest.skip("the shared data is not here")
    (small.parent / "upstream").symlink_to(SHARED / "upstream")
    settings = config(dataset=str(small))
    assert load_prompt_template(settings).name == "official-with-background"
    without = settings.model_copy(update={"background": False})
    assert load_prompt_template(without).name == "official-without-background"


@pytest.mark.parametrize(
    ("prompt", "background", "name"),
    [
        ("own", True, "own-with-background"),
        ("own", False, "own-without-background"),
        ("own-without-background", True, "own-without-background"),
        ("own-with-background", False, "own-with-background"),
    ],
)
def test_a_template_is_chosen_by_its_name(
    small: Path, prompt: str, *, background: bool, name: str
) -> None:
    settings = config(dataset=str(small), prompt=prompt, background=background)
    assert load_prompt_template(settings).name == name


def test_the_official_template_is_refused_where_it_is_not(small: Path) -> None:
    with pytest.raises(ConfigError, match=r"official prompt template multistep_template\.txt"):
        load_prompt_template(config(dataset=str(small), prompt="official"))


def test_a_given_template_wins(small: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text(GOOD)
    settings = config(dataset=str(small), prompt=str(tmp_path / "mine.txt"))
    assert load_prompt_template(settings).text == GOOD


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + " {extra}", r"unknown placeholder \{extra\}"),
        ("{next_step_str} {dependencies}", r"no placeholder \{problem_steps_str\}"),
    ],
)
def test_a_template_with_wrong_placeholders_is_refused(
    text: str, message: str, small: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text(text)
    with pytest.raises(DatasetError, match=message):
        load_inputs(config(dataset=str(small), prompt=str(tmp_path / "mine.txt")))


def test_a_cache_folder_that_is_a_file_is_refused(small: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="file is no folder"):
        load_inputs(config(dataset=str(small), cache_dir=tmp_path / "file" / "cache"))


def test_the_example_has_a_short_time_limit_and_the_wall_three_times_of_it() -> None:
    assert (limits(config()).cpu_s, limits(config()).wall_s) == (10.0, 30.0)
    other = config(dataset="scicode")
    assert (limits(other).cpu_s, limits(other).wall_s) == (1800.0, 5400.0)
    chosen = config(time_limit_s=4, wall_limit_s=5, memory_bytes=2**29)
    assert (limits(chosen).cpu_s, limits(chosen).wall_s) == (4.0, 5.0)
    assert limits(chosen).memory_bytes == 2**29


def test_chosen_workers_are_taken_else_every_core() -> None:
    assert worker_count(validate(DataSettings, {"workers": 3})) == 3
    assert worker_count(validate(DataSettings, {})) >= 1


def identity(**settings: object) -> dict[str, object]:
    made = config(**settings)
    return dict(run_identity(made, load_inputs(made)))


def test_speed_is_no_part_of_a_runs_identity(small: Path, tmp_path: Path) -> None:
    plain = identity(dataset=str(small))
    tuned = identity(
        dataset=str(small),
        concurrency=2,
        live_problems=1,
        workers=1,
        cache_dir=tmp_path,
        request_timeout_s=5,
        request_retries=1,
        api_key_env="OTHER",
        output=tmp_path / "out",
    )
    assert tuned == plain


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("repeats", {"repeats": 2}),
        ("temperature", {"temperature": 0}),
        ("seed", {"seed": 1}),
        ("max_tokens", {"max_tokens": 9}),
        ("top_p", {"top_p": 0.5}),
        ("checkpoint", {"checkpoint": "b"}),
        ("background", {"background": False}),
        ("problems", {"problems": "1"}),
        ("given", {"given": "extracted"}),
        ("scored", {"scored": "with-targets"}),
        ("limits", {"time_limit_s": 3}),
    ],
)
def test_what_changes_a_result_is_part_of_a_runs_identity(
    name: str, settings: dict[str, object], small: Path
) -> None:
    plain, other = identity(dataset=str(small)), identity(dataset=str(small), **settings)
    assert other[name] != plain[name]


def test_other_targets_make_another_run(small: Path) -> None:
    plain = identity(dataset=str(small))
    targets = small.with_name("targets.h5")
    targets.write_bytes(targets.read_bytes() + b"\0")
    assert identity(dataset=str(small))["targets_sha256"] != plain["targets_sha256"]
