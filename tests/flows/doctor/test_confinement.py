"""The checks of where programs run, in a real sandbox and on what others would give."""

import json
import sys
from pathlib import Path

import pytest

from flows.config import DoctorConfig, EvalConfig, validate
from flows.doctor.confinement import (
    isolation_and_dependencies,
    judge_dependencies,
    judge_level,
)
from flows.doctor.findings import Finding, Status
from tasks.environments import prepare_environment
from tasks.sandbox.layers import Layer, Level, report_level
from tasks.targets import write_targets

ALL = frozenset(Layer)


def settings(dataset: Path | str = "example", **more: object) -> EvalConfig:
    return validate(DoctorConfig, {"dataset": str(dataset), "isolation": "none", **more})


def test_a_level_that_is_enough_is_right_and_still_says_what_would_raise_it() -> None:
    finding = judge_level(report_level(ALL - {Layer.NET_NS}), Level.STRONG)
    assert finding.status is Status.OK
    assert finding.found == "level strong (strong is required), without net_ns"
    assert finding.advice.startswith("to raise it: permit user namespaces")


def test_the_highest_level_needs_no_advice() -> None:
    finding = judge_level(report_level(ALL), Level.STRONG)
    assert (finding.status, finding.advice) == (Status.OK, "")
    assert finding.found == "level full (strong is required)"


def test_a_level_below_the_required_one_is_a_failure_with_both_ways_out() -> None:
    finding = judge_level(report_level(ALL - {Layer.LANDLOCK}), Level.STRONG)
    assert finding.status is Status.FAIL
    assert finding.found == "level any (strong is required), without landlock"
    assert "use Linux 5.13 or later" in finding.advice
    assert finding.advice.endswith("or accept less with --isolation any, for models that you trust")


@pytest.fixture
def lacking(small: Path) -> Path:
    """Let problem 2 of the small benchmark declare a module that is not there."""
    problems = [json.loads(line) for line in small.read_text().splitlines()]
    problems[1]["required_dependencies"] = "import no_such_module"
    small.write_text("".join(json.dumps(problem) + "\n" for problem in problems))
    return small


def test_modules_that_are_not_there_are_told_with_their_problem(lacking: Path) -> None:
    isolation, _, dependencies = isolation_and_dependencies(settings(lacking))
    assert (isolation.name, isolation.status) == ("isolation", Status.OK)
    assert dependencies.status is Status.FAIL
    assert dependencies.found == (
        "1 of 2 problems cannot be run here: "
        "2 (ModuleNotFoundError: No module named 'no_such_module')"
    )
    assert "--environment" in dependencies.advice


def test_problems_that_are_not_scored_need_no_modules(lacking: Path, tmp_path: Path) -> None:
    targets = tmp_path / "some.h5"
    # Targets of problem 1 only: 3 doubled.
    write_targets(targets, {"1.1": [6]})
    asked = settings(lacking, targets=targets, scored="with-targets")
    _, _, dependencies = isolation_and_dependencies(asked)
    assert (dependencies.status, dependencies.found) == (
        Status.OK,
        "those of all 1 problems can be imported",
    )


def test_a_dataset_that_is_not_there_leaves_the_level_to_be_told(tmp_path: Path) -> None:
    isolation, _, dependencies = isolation_and_dependencies(settings(tmp_path / "absent.jsonl"))
    assert isolation.status is Status.OK
    assert dependencies.status is Status.FAIL
    assert "absent.jsonl, which is not there" in dependencies.found


def judge(**more: object) -> Finding:
    missing = dict.fromkeys(("10", "2", "3", "4", "5", "6"), "ImportError: x")
    return judge_dependencies(missing, 65, settings(**more))


def test_of_many_problems_the_first_are_named() -> None:
    """In natural order, so 10 is the sixth."""
    finding = judge()
    assert finding.found.startswith("6 of 65 problems cannot be run here: 2 (ImportError: x), 3 (")
    assert finding.found.endswith("6 (ImportError: x) and 1 more")


def test_problems_that_are_to_be_left_out_are_a_note() -> None:
    assert judge(unimportable="leave-out").status is Status.NOTE


def test_an_environment_that_is_not_built_may_have_what_the_others_lack() -> None:
    missing = {"2": "ModuleNotFoundError: No module named 'gone'"}
    finding = judge_dependencies(missing, 3, settings(), ["scipy-2024"])
    assert finding.status is Status.NOTE
    assert finding.advice == "scipy-2024 will be tried too, once it is built"


def test_an_environment_that_is_not_built_is_a_note(tmp_path: Path) -> None:
    lock = tmp_path / "own.lock"
    lock.write_text(f"# python: {sys.version_info.major}.{sys.version_info.minor}\n")
    asked = settings(environments=f"current,{lock}", cache_dir=tmp_path / "cache")
    _, environments, dependencies = isolation_and_dependencies(asked)
    assert (environments.status, environments.found) == (Status.NOTE, f"{lock} not built yet")
    assert dependencies.status is Status.OK
    prepare_environment(str(lock), tmp_path / "cache", lambda _: None)
    _, environments, _ = isolation_and_dependencies(asked)
    assert (environments.status, environments.found) == (Status.OK, f"current, {lock} ready")


def test_an_unknown_environment_is_a_failure() -> None:
    (finding,) = isolation_and_dependencies(settings(environments="no-such"))
    assert (finding.name, finding.status) == ("environments", Status.FAIL)


def test_nothing_missing_is_right() -> None:
    finding = judge_dependencies({}, 65, settings())
    assert (finding.status, finding.found) == (
        Status.OK,
        "those of all 65 problems can be imported",
    )
