"""Settings -> what runs programs elsewhere, where that is asked for."""

from collections.abc import Callable
from pathlib import Path

from flows.config import DataSettings
from flows.dataset import Dataset, terms
from flows.execution_config import Execution
from tasks.cluster.dask_nodes import DaskNodes
from tasks.cluster.ray_nodes import RayNodes
from tasks.cluster.recipe import AskedEnvironment, Recipe, TargetsAt
from tasks.cluster.remote_runner import RemoteRunner
from tasks.core.errors import ConfigError
from tasks.lock_files import CURRENT, find_lock, read_lock
from tasks.runner import Runner
from tasks.verifier import cases_of


def make_remote_runner(
    settings: DataSettings, dataset: Dataset, announce: Callable[[str], None]
) -> Runner | None:
    """Return what runs programs on a cluster, not yet started; None where they run here.

    Raises:
        ConfigError: a lock file cannot be used, or two environments have one name.
    """
    if settings.execution is Execution.LOCAL:
        return None
    ray = settings.execution is Execution.RAY
    address = settings.execution_address or "auto"
    return RemoteRunner(
        RayNodes(address) if ray else DaskNodes(address),
        make_recipe(settings, dataset),
        settings.workers,
        announce,
    )


def make_recipe(settings: DataSettings, dataset: Dataset) -> Recipe:
    """Return what nodes need to know.

    Raises:
        ConfigError: a lock file cannot be used, or two environments have one name.
    """
    targets = dataset.targets.absolute()
    environments = tuple(map(_asked, dict.fromkeys(settings.environments)))
    names = [environment.name for environment in environments]
    if len(set(names)) < len(names):
        raise ConfigError(
            f"expected environments of different names, found {', '.join(names)}: their verdicts "
            "could not be told apart; rename a lock file, or leave one out"
        )
    return Recipe(
        cases=cases_of(dataset.plans),
        targets=TargetsAt(str(targets), dataset.targets_sha256, targets.stat().st_size),
        terms=terms(settings),
        environments=environments,
        cache_dir=_portable(settings.cache_dir.expanduser().absolute()),
    )


def _asked(name: str) -> AskedEnvironment:
    if name == CURRENT:
        return AskedEnvironment(CURRENT)
    lock = read_lock(find_lock(name))
    return AskedEnvironment(lock.name, lock.path.read_text(encoding="utf-8"))


def _portable(folder: Path) -> str:
    """Name a folder in a home so that it is in the home of whoever runs a node."""
    home = Path.home()
    return f"~/{folder.relative_to(home)}" if folder.is_relative_to(home) else str(folder)
