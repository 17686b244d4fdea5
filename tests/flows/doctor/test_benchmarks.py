"""The checks of what is evaluated, on whole, absent and damaged data folders."""

import shutil
from pathlib import Path

import pytest

from flows.config import DoctorConfig, EvalConfig, validate
from flows.doctor import benchmarks
from flows.doctor.findings import Finding, Status
from tasks.core.errors import ConfigError, TargetError
from tasks.targets import write_targets

SHARED = Path(__file__).parents[4] / "shared" / "data" / "scicode"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")


def settings(data: Path, dataset: str = "scicode", **more: object) -> EvalConfig:
    return validate(DoctorConfig, {"dataset": dataset, "data_dir": data, **more})


def look(name: str, config: EvalConfig, *, deep: bool = False) -> Finding:
    return benchmarks.dataset_files(name, config, deep=deep)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder with all of SciCode that we have: all but the targets."""
    folder = tmp_path / "data"
    shutil.copytree(SHARED, folder)
    return folder


def test_the_bundled_dataset_is_always_there(tmp_path: Path) -> None:
    assert look("example", settings(tmp_path)).status is Status.OK


def test_an_absent_dataset_fails_if_it_is_asked_for_and_else_is_a_note(tmp_path: Path) -> None:
    finding = look("scicode", settings(tmp_path))
    assert finding.status is Status.FAIL
    assert finding.found == f"{tmp_path} lacks problems_test.jsonl and test_data.h5"
    assert finding.advice == f"scicode-flows prepare scicode --data-dir {tmp_path}"
    assert look("scicode", settings(tmp_path, "example")).status is Status.NOTE


def test_verified_is_prepared_under_its_own_name() -> None:
    finding = look("verified", settings(Path("data"), "verified"))
    assert finding.advice == "scicode-flows prepare verified"


@needs_shared
def test_targets_of_another_length_are_told(data: Path) -> None:
    (data / "test_data.h5").write_bytes(b"x" * 5)
    finding = look("scicode", settings(data))
    assert finding.status is Status.FAIL
    assert finding.found == f"{data / 'test_data.h5'} has 5 of 1049345865 bytes"


@needs_shared
def test_a_problem_file_is_hashed_even_without_deep(data: Path) -> None:
    problems = data / "problems_test.jsonl"
    problems.write_bytes(problems.read_bytes().replace(b"1", b"2", 1))
    finding = look("scicode", settings(data, targets=data / "targets_dev.h5"))
    assert finding.status is Status.FAIL
    assert "problems_test.jsonl has sha256 " in finding.found
    assert "expected 38797fef78f4" in finding.found


@needs_shared
def test_own_targets_take_the_place_of_the_official_ones(data: Path) -> None:
    own = data / "targets_dev.h5"
    finding = look("scicode-dev", settings(data, "scicode-dev", targets=own))
    assert finding.status is Status.OK
    assert finding.found.endswith(f"sizes and problems are right, with the targets {own}")


def test_targets_without_a_pinned_length_are_looked_into_and_hashed_only_if_deep(
    tmp_path: Path,
) -> None:
    """The problems beside them are not the right ones; only the targets are of interest here."""
    (tmp_path / "verified").mkdir()
    (tmp_path / "verified" / "problems_test.jsonl").touch()
    targets = tmp_path / "verified" / "test_data_cleaned.h5"
    config = settings(tmp_path, "verified")
    write_targets(targets, {"1.1": [1.0]})
    assert "cleaned" not in look("verified", config).found
    assert f"{targets} has sha256 " in look("verified", config, deep=True).found
    write_targets(targets, {})
    assert f"{targets} holds no targets" in look("verified", config).found


def test_targets_that_are_no_hdf5_raise_an_error_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "verified").mkdir()
    (tmp_path / "verified" / "problems_test.jsonl").touch()
    (tmp_path / "verified" / "test_data_cleaned.h5").write_text("text")
    with pytest.raises(TargetError, match="not HDF5"):
        look("verified", settings(tmp_path, "verified"))


def test_cases_are_cut_and_counted(small: Path) -> None:
    """Of the small benchmark, 4 sub-steps have 1, 2, 1 and 1 cases."""
    finding = benchmarks.cases_and_targets(settings(Path("data"), str(small)))
    assert finding.found == "2 problems, 4 scored sub-steps, 5 cases with targets"


def test_missing_targets_are_told(small: Path) -> None:
    write_targets(small.with_name("targets.h5"), {"1.1": [6]})
    with pytest.raises(TargetError, match=r"found none for 1\.2, 1\.3, 2\.2"):
        benchmarks.cases_and_targets(settings(Path("data"), str(small)))


def test_only_the_chosen_problems_count(small: Path) -> None:
    config = settings(Path("data"), str(small), problems="2")
    assert [problem.problem_id for problem in benchmarks.chosen_problems(config)] == ["2"]


@needs_shared
def test_the_official_prompt_is_named_and_its_absence_noted(data: Path) -> None:
    config = settings(data, "scicode-dev", targets=data / "targets_dev.h5")
    finding = benchmarks.prompt(config)
    assert (finding.status, finding.found) == (Status.OK, "official-with-background")
    shutil.rmtree(data / "upstream")
    finding = benchmarks.prompt(config)
    assert finding.status is Status.NOTE
    assert finding.advice.startswith("scicode-flows prepare scicode")


def test_a_dataset_that_is_none_is_told() -> None:
    with pytest.raises(ConfigError, match="unknown dataset"):
        benchmarks.cases_and_targets(settings(Path("data"), "scicodes"))
