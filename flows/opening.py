"""Settings -> an open verifier, and the problems whose programs can run at all.

Problems whose declared dependencies are missing are found here, before anything is generated:
their programs would fail whatever the model writes.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from flows.config import DataSettings, Unimportable
from flows.dataset import Dataset, make_verifier, with_scored_steps
from flows.execution import make_remote_runner
from flows.progress import Progress
from flows.session import SESSION
from tasks.core.errors import ConfigError
from tasks.core.listing import name_first
from tasks.core.ordering import natural_key
from tasks.core.records import Environment
from tasks.environments import holding, prepare_environment
from tasks.verifier import Verifier


@dataclass(frozen=True, slots=True)
class Opened:
    """An open verifier and what it can judge; `left_out` has the reason by problem."""

    verifier: Verifier
    dataset: Dataset
    left_out: Mapping[str, str]


async def open_verifier(
    settings: DataSettings,
    dataset: Dataset,
    stack: AsyncExitStack,
    problem_ids: frozenset[str] | None = None,
) -> Opened:
    """Start the verifier, which the stack stops, and check that programs can be imported.

    Args:
        settings: where and how programs run.
        dataset: what is evaluated.
        stack: stops the verifier at its end, and gives its environments back.
        problem_ids: the problems that there are programs of, all of them by default.

    Raises:
        ConfigError: an environment cannot be had, or dependencies are missing from all of them.
        SandboxError: the sandbox or the judge does not start.
    """
    runner = make_remote_runner(settings, dataset, SESSION.get().progress.note)
    environments = () if runner else await _take_environments(settings, stack)
    verifier = make_verifier(settings, dataset, environments, runner)
    await stack.enter_async_context(verifier)
    judged = [
        problem
        for problem in with_scored_steps(dataset.problems, dataset.scored)
        if problem_ids is None or problem.problem_id in problem_ids
    ]
    missing = await verifier.find_unimportable(judged)
    if missing and settings.unimportable is Unimportable.REFUSE:
        raise _refusal(settings, missing)
    if len(missing) == len(judged):
        raise ConfigError(f"no problem is left to evaluate: {_listed(missing)}")
    return Opened(verifier, without(dataset, frozenset(missing)), missing)


async def _take_environments(
    settings: DataSettings, stack: AsyncExitStack
) -> tuple[Environment, ...]:
    """Find or build the environments, and keep them from being removed until the stack ends."""
    while True:
        environments = await asyncio.to_thread(_prepare, settings, SESSION.get().progress)
        # One that was removed in between is built anew.
        if all(stack.enter_context(holding(environment)) for environment in environments):
            return environments


def _prepare(settings: DataSettings, progress: Progress) -> tuple[Environment, ...]:
    """Find or build the environments; a build takes a minute and is announced.

    Raises:
        ConfigError: an environment cannot be had, or two of them have one name.
        SandboxError: an environment cannot be built.
    """
    asked = dict.fromkeys(settings.environments)
    found = tuple(prepare_environment(name, settings.cache_dir, progress.note) for name in asked)
    names = [environment.name for environment in found]
    if len(set(names)) < len(names):
        raise ConfigError(
            f"expected environments of different names, found {', '.join(names)}: their verdicts "
            "could not be told apart; rename a lock file, or leave one out"
        )
    return found


def without(dataset: Dataset, problem_ids: frozenset[str]) -> Dataset:
    """Leave problems out of a dataset, and with them their scored sub-steps."""
    if not problem_ids:
        return dataset
    kept = tuple(p for p in dataset.problems if p.problem_id not in problem_ids)
    steps = {step.step_id for problem in kept for step in problem.sub_steps}
    return replace(dataset, problems=kept, scored=dataset.scored & steps)


def _refusal(settings: DataSettings, missing: Mapping[str, str]) -> ConfigError:
    return ConfigError(
        f"expected the dependencies of every problem in environment "
        f"{' or '.join(settings.environments)}, found missing ones: {_listed(missing)}; "
        "no program of theirs could pass: give --environment scipy-2024 (or another that has "
        "them), or leave them out with --unimportable leave-out"
    )


def _listed(missing: Mapping[str, str]) -> str:
    ids = sorted(missing, key=natural_key)
    return name_first([f"problem {name}: {missing[name]}" for name in ids])
