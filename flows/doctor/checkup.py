"""Settings -> checks: everything that an evaluation with these settings needs, in reading order."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from flows.config import EvalConfig
from flows.doctor import host, server
from flows.doctor.findings import Check


def checks(config: EvalConfig, api_key: str, *, deep: bool) -> Iterator[Check]:
    """Return the checks one by one; each can be looked at while the next ones are prepared."""
    yield Check("python", host.python)
    yield Check("packages", host.packages)
    # Prefect is long in coming, so it begins before the modules of the other checks are imported.
    yield Check("prefect", server.prefect_server)
    from flows.dataset import worker_count
    from flows.doctor import benchmarks, confinement, model

    yield Check("isolation", partial(confinement.isolation_and_dependencies, config))
    yield Check("cores and memory", partial(host.cores_and_memory, worker_count(config)))
    yield Check("temporary files", host.temporary_folder)
    yield Check("cache", partial(host.cache, config.cache_dir))
    yield Check("runs", partial(host.run_folder, config.output or Path("runs")))
    for name in benchmarks.DATASETS:
        look = partial(benchmarks.dataset_files, name, config, deep=deep)
        yield Check(f"dataset {name}", look)
    yield Check("cases and targets", partial(benchmarks.cases_and_targets, config))
    yield Check("prompt", partial(benchmarks.prompt, config))
    yield Check("endpoint", partial(model.endpoint, config, api_key))
