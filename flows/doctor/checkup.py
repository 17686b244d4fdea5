"""Settings -> checks: everything that an evaluation with these settings needs, in reading order."""

from functools import partial
from pathlib import Path

from flows.config import EvalConfig
from flows.dataset import worker_count
from flows.doctor import benchmarks, confinement, host, model, server
from flows.doctor.findings import Check


def checks(config: EvalConfig, api_key: str, *, deep: bool) -> tuple[Check, ...]:
    """Return the checks; nothing is looked at yet, and the ones that take longest come early."""
    files = (
        Check(f"dataset {name}", partial(benchmarks.dataset_files, name, config, deep=deep))
        for name in benchmarks.DATASETS
    )
    return (
        Check("python", host.python),
        Check("packages", host.packages),
        Check("isolation", partial(confinement.isolation_and_dependencies, config)),
        Check("prefect", server.prefect_server),
        Check("cores and memory", partial(host.cores_and_memory, worker_count(config))),
        Check("temporary files", host.temporary_folder),
        Check("cache", partial(host.cache, config.cache_dir)),
        Check("runs", partial(host.run_folder, config.output or Path("runs"))),
        *files,
        Check("cases and targets", partial(benchmarks.cases_and_targets, config)),
        Check("prompt", partial(benchmarks.prompt, config)),
        Check("endpoint", partial(model.endpoint, config, api_key)),
    )
