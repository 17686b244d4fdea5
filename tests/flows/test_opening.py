"""What cannot run at all is found before anything is generated."""

from __future__ import annotations

import asyncio
import json
import sys
import sysconfig
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.config import EvalConfig
from flows.dataset import load_dataset
from flows.opening import open_verifier, without
from tasks.core.errors import ConfigError
from tasks.environment_removal import Use, kept_environments, remove_environment
from tasks.environments import prepare_environment

if TYPE_CHECKING:
    from tests.conftest import Endpoint

Evaluate = Callable[[EvalConfig], dict[str, Any]]
MakeConfig = Callable[..., EvalConfig]


@pytest.fixture
def unimportable(small: Path) -> Path:
    """The small benchmark, whose problem 2 needs a module that does not exist."""
    problems = [json.loads(line) for line in small.read_text().splitlines()]
    problems[1]["required_dependencies"] = "import no_such_module_anywhere"
    small.write_text("".join(json.dumps(problem) + "\n" for problem in problems))
    return small


def test_missing_dependencies_are_refused_before_anything_is_asked_or_written(
    unimportable: Path, small_config: MakeConfig, evaluate: Evaluate, endpoint: Endpoint
) -> None:
    config = small_config(dataset=str(unimportable))
    with pytest.raises(ConfigError, match=r"problem 2: ModuleNotFoundError.*--environment"):
        evaluate(config)
    assert endpoint.prompts == []
    assert not config.output.exists()


def test_problems_without_their_dependencies_can_be_left_out_which_the_metrics_say(
    unimportable: Path, small_config: MakeConfig, evaluate: Evaluate, endpoint: Endpoint
) -> None:
    config = small_config(dataset=str(unimportable), unimportable="leave-out")
    document = evaluate(config)
    # Problem 1 has three scored sub-steps; problem 2's is not counted as wrong.
    assert document["metrics"]["subtask_accuracy"]["denominator"] == 3
    assert document["details"]["problems left out for missing dependencies"] == ["2"]
    assert len(endpoint.prompts) == 3
    record = json.loads((config.output / "run.json").read_text())
    assert record["left_out"] == {
        "2": "ModuleNotFoundError: No module named 'no_such_module_anywhere'"
    }
    # Taken up again, it is the same run.
    assert evaluate(config) == document


def test_nothing_left_is_refused(
    unimportable: Path, small_config: MakeConfig, evaluate: Evaluate
) -> None:
    config = small_config(dataset=str(unimportable), unimportable="leave-out", problems="2")
    with pytest.raises(ConfigError, match="no problem is left to evaluate"):
        evaluate(config)


def test_a_problem_that_is_left_out_takes_its_scored_sub_steps_with_it(
    small_config: MakeConfig,
) -> None:
    dataset = without(load_dataset(small_config()), frozenset({"2"}))
    assert [problem.problem_id for problem in dataset.problems] == ["1"]
    assert dataset.scored == {"1.1", "1.2", "1.3"}


def test_two_environments_of_one_name_are_refused(
    small_config: MakeConfig, evaluate: Evaluate, tmp_path: Path
) -> None:
    locks = [tmp_path / folder / "own.lock" for folder in ("one", "other")]
    for lock in locks:
        lock.parent.mkdir()
        lock.write_text(f"# python: {sys.version_info.major}.{sys.version_info.minor}\n")
    config = small_config(environments=",".join(map(str, locks)))
    with pytest.raises(ConfigError, match="different names, found own, own"):
        evaluate(config)
    assert not config.output.exists()


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock file that pins nothing, so that nothing is fetched, and a PATH without uv."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    path = tmp_path / "tiny.lock"
    path.write_text(f"# python: {sys.version_info.major}.{sys.version_info.minor}\n")
    return path


def test_an_environment_cannot_be_removed_while_its_verifier_is_open(
    lock: Path, small_config: MakeConfig
) -> None:
    config = small_config(environments=str(lock))
    environment = prepare_environment(str(lock), config.cache_dir, print)
    lend_packages(Path(environment.python))
    (kept,) = kept_environments(config.cache_dir)
    removals: list[Use] = []

    async def open_and_remove() -> None:
        async with AsyncExitStack() as stack:
            await open_verifier(config, load_dataset(config), stack)
            removals.append(remove_environment(kept))

    asyncio.run(open_and_remove())
    assert removals == [Use.IN_USE]
    assert remove_environment(kept) is Use.UNUSED


def lend_packages(python: Path) -> None:
    """Let an environment import what is installed here."""
    (site,) = (python.parents[1] / "lib").glob("python*/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_path("purelib"))
