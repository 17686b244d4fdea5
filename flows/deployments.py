"""prefect.yaml -> deployments: registers them at a server, for a work pool or to be served here.

The flows come from the installed package by their module's name, so nothing is copied or pulled.
"""

import asyncio
import json
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.runner import Runner
from prefect.schedules import Schedule
from prefect.settings import PREFECT_API_URL
from prefect.utilities.urls import url_for
from prefect.workers.process import ProcessWorker

from flows.pools import Pool, PoolType
from tasks.core.errors import ConfigError

# Beside the packages, in a checkout and in an installed wheel alike.
FOLDER = Path(__file__).parents[1] / "deployments"
_TAKEN_OVER = ("description", "parameters", "tags", "triggers", "paused", "concurrency_limit")


@dataclass(frozen=True, slots=True)
class Registered:
    """A deployment that a server knows: its name, and where its page is."""

    name: str
    url: str | None


def read_deployments(file: Path = FOLDER / "prefect.yaml") -> list[RunnerDeployment]:
    """Read the deployments of a file, which Prefect's own command line reads as well."""
    content: object = yaml.safe_load(file.read_text(encoding="utf-8"))
    entries = cast("dict[str, list[dict[str, Any]]]", content)["deployments"]
    return [_read(entry) for entry in entries]


def register(pool: Pool) -> list[Registered]:
    """Register every deployment for a work pool, which is made where it is missing.

    Raises:
        ConfigError: no server is configured, or the pool is of another type.
    """
    check_server()
    with get_client(sync_client=True) as client:
        pool = _ensure(client, pool)
    registered: list[Registered] = []
    for deployment in read_deployments():
        deployment.job_variables = pool.job_variables
        deployment_id = cast("UUID", deployment.apply(work_pool_name=pool.name))
        page = url_for("deployment", obj_id=deployment_id)
        registered.append(Registered(deployment.full_name, page))
    return registered


async def serve_here(limit: int) -> None:
    """Register every deployment and run what is started from them here, until a signal ends it.

    SIGINT and SIGTERM cancel what runs. Prefect's own `serve` would kill it and leave it Running.

    Raises:
        ConfigError: no server is configured.
    """
    check_server()
    runner = _Runner(limit=limit)
    for deployment in await asyncio.to_thread(read_deployments):
        await runner.aadd_deployment(deployment)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, runner.asked_to_stop.set)
    serving = asyncio.create_task(runner.start())
    stopping = asyncio.create_task(runner.asked_to_stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    # A second one is for somebody who does not want to wait.
    loop.remove_signal_handler(signal.SIGINT)
    stopping.cancel()
    if not serving.done():
        await runner.astop()
    await serving


class _Runner(Runner):
    """Runs served deployments; SIGTERM, whose handler is the base class's, only asks it to stop."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit=limit)
        self.asked_to_stop = asyncio.Event()

    def handle_sigterm(self, *args: object, **kwargs: object) -> None:
        del args, kwargs
        asyncio.get_running_loop().call_soon_threadsafe(self.asked_to_stop.set)


def check_server() -> None:
    """Refuse to go on without a server that outlives this process.

    Raises:
        ConfigError: none is configured.
    """
    if not PREFECT_API_URL.value():
        raise ConfigError(
            "expected a Prefect server, found none: start one (`prefect server start`), then "
            "`export PREFECT_API_URL=http://127.0.0.1:4200/api`"
        )


def _ensure(client: SyncPrefectClient, pool: Pool) -> Pool:
    """Make the work pool, or check that the one of this name is of the type that is asked for."""
    try:
        found = client.read_work_pool(pool.name)
    except ObjectNotFound:
        template = _template(pool.type or PoolType.PROCESS)
        actions = WorkPoolCreate(
            name=pool.name, type=pool.type or PoolType.PROCESS, base_job_template=template
        )
        found = client.create_work_pool(actions)
    if pool.type not in (None, found.type):
        raise ConfigError(
            f"expected work pool {pool.name!r} to be of type {pool.type}, found type {found.type}; "
            "give --pool another name"
        )
    return pool.of_type(found.type)


def _template(kind: PoolType) -> dict[str, Any]:
    if kind is PoolType.PROCESS:
        return ProcessWorker.get_default_base_job_template()
    file = FOLDER / kind / "base-job-template.json"
    return cast("dict[str, Any]", json.loads(file.read_text(encoding="utf-8")))


def _read(entry: dict[str, Any]) -> RunnerDeployment:
    schedules = cast("list[dict[str, Any]]", entry.get("schedules") or [])
    return RunnerDeployment.from_entrypoint(
        entry["entrypoint"],
        entry["name"],
        schedules=[Schedule(**schedule) for schedule in schedules],
        **{name: entry[name] for name in _TAKEN_OVER if entry.get(name) is not None},
    )
