"""Settings -> dataset: problems, targets and cases, read and checked before any work.

A named dataset stands for files in the data folder; `example` comes with the package.
"""

import hashlib
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

from flows.config import EXAMPLE, DataSettings
from tasks.core.errors import ConfigError
from tasks.core.guessing import is_guessable
from tasks.core.json_value import JsonValue
from tasks.core.protocols import Benchmark
from tasks.core.records import Environment, Limits, Problem
from tasks.core.rulings import Confirmation
from tasks.cost_store import CostStore
from tasks.dataset import ProblemSet, load_problems, select_problems
from tasks.runner import Runner, Terms
from tasks.sandbox.layers import Level
from tasks.target_digests import target_digests
from tasks.targets import TargetFile, check_targets
from tasks.verdict_cache import VerdictCache
from tasks.verdict_memory import VerdictMemory
from tasks.verifier import StepPlan, Verifier, VerifierOptions, plan_steps

OFFICIAL_TIME_LIMIT_S = 1800.0
EXAMPLE_TIME_LIMIT_S = 10.0
WALL_FACTOR = 3.0

_OFFICIAL_TARGETS = "test_data.h5"
NAMED: dict[str, tuple[tuple[str, ...], str]] = {
    "scicode": (("problems_test.jsonl",), _OFFICIAL_TARGETS),
    "scicode-dev": (("problems_dev.jsonl",), _OFFICIAL_TARGETS),
    "scicode-all": (("problems_dev.jsonl", "problems_test.jsonl"), _OFFICIAL_TARGETS),
    "verified": (("verified/problems_test.jsonl",), "verified/test_data_cleaned.h5"),
}
# sha256 of the problem files whose scores have published counterparts.
_PUBLISHED = {
    "193968aff23b7ed931c8f6d196b611e2f6694adb49e6cc085444a60ad2fc4f7b": Benchmark.SCICODE,
    "38797fef78f434720be6d053b4f3a86839d6f8ea5fb9115450677cd3a6edf81d": Benchmark.SCICODE,
    "427771cb8bceb5058e8b510af0ee2c8210827a1491e0cdf8e6db56d4ed1440ba": Benchmark.VERIFIED,
}


@dataclass(frozen=True, slots=True)
class Dataset:
    """The selected problems with their targets; `sha256` has one entry a problem file."""

    name: str
    problems: tuple[Problem, ...]
    sha256: tuple[str, ...]
    targets: Path
    targets_sha256: str
    scored: frozenset[str]
    plans: dict[str, StepPlan]
    benchmark: Benchmark | None
    guessable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Files:
    """Where a dataset's files are; `upstream` is None where there are no official texts."""

    problems: tuple[Path, ...]
    targets: Path
    upstream: Path | None


def load_dataset(settings: DataSettings) -> Dataset:
    """Read and check problems, targets and cases.

    Raises:
        ConfigError, DatasetError, TargetError: what was expected, what was found, what to do.
    """
    files_ = locate(settings)
    sets = [
        load_problems(p, upstream=files_.upstream, given=settings.given) for p in files_.problems
    ]
    problems = select(sets, settings.problems)
    scored = check_targets(files_.targets, problems, settings.scored)
    digests = tuple(problem_set.sha256 for problem_set in sets)
    plans = plan_steps(problems, scored)
    return Dataset(
        name=settings.dataset,
        problems=problems,
        sha256=digests,
        targets=files_.targets,
        targets_sha256=_sha256(files_.targets),
        scored=scored,
        plans=plans,
        benchmark=_benchmark(settings.dataset, digests),
        guessable=_guessable(files_.targets, plans),
    )


def locate(settings: DataSettings) -> Files:
    """Find the files of a dataset.

    Raises:
        ConfigError: an unknown name, or a file that is not there.
    """
    if settings.upstream is not None:
        _require(settings.upstream, "--upstream")
    if settings.dataset == EXAMPLE:
        targets = settings.targets or example_file("targets.h5")
        return Files((example_file("problems.jsonl"),), targets, settings.upstream)
    if settings.dataset in NAMED:
        problems, targets = NAMED[settings.dataset]
        paths = tuple(settings.data_dir / name for name in problems)
        found = settings.targets or settings.data_dir / targets
        for path in (*paths, found):
            _require(path, f"dataset {settings.dataset!r}")
        return Files(paths, found, _upstream(settings, settings.data_dir))
    path = Path(settings.dataset)
    if path.suffix not in (".jsonl", ".gz"):
        raise ConfigError(
            f"unknown dataset {settings.dataset!r}: expected {EXAMPLE}, {', '.join(NAMED)}, "
            "or a .jsonl file of problems"
        )
    _require(path, "the dataset")
    return Files((path,), _own_targets(settings, path), _upstream(settings, path.parent))


def select(sets: Sequence[ProblemSet], ids: Sequence[str]) -> tuple[Problem, ...]:
    """Put the problems of several files together and keep those with these ids.

    Raises:
        ConfigError: no file has a problem of that id.
    """
    merged = ProblemSet(
        problems=tuple(problem for problem_set in sets for problem in problem_set.problems),
        sha256="",
        path=sets[0].path,
    )
    return select_problems(merged, ids).problems


def with_scored_steps(problems: Sequence[Problem], scored: Collection[str]) -> tuple[Problem, ...]:
    """Keep the problems that have scored sub-steps."""
    return tuple(p for p in problems if any(step.step_id in scored for step in p.sub_steps))


def limits(settings: DataSettings) -> Limits:
    """Return what one program may use; the bundled example gets a short time."""
    default = EXAMPLE_TIME_LIMIT_S if settings.dataset == EXAMPLE else OFFICIAL_TIME_LIMIT_S
    return _limits(settings, settings.time_limit_s or default)


def step_limits(settings: DataSettings) -> dict[str, Limits]:
    """Return what the programs of sub-steps with a limit of their own may use."""
    return {name: _limits(settings, cpu_s) for name, cpu_s in settings.step_time_limits.items()}


def _limits(settings: DataSettings, cpu_s: float) -> Limits:
    wall_s = settings.wall_limit_s or WALL_FACTOR * cpu_s
    return Limits(cpu_s=cpu_s, wall_s=wall_s, memory_bytes=settings.memory_bytes)


def terms(settings: DataSettings) -> Terms:
    """Return what programs may use and must bear."""
    required, reveal = settings.isolation, settings.reveal_targets
    return Terms(limits(settings), step_limits(settings), required, reveal)


def make_verifier(
    settings: DataSettings,
    dataset: Dataset,
    environments: tuple[Environment, ...] = (),
    runner: Runner | None = None,
) -> Verifier:
    """Return the verifier of a dataset's programs, not yet started.

    Args:
        settings: what programs may use.
        dataset: what is verified.
        environments: where programs run on this machine.
        runner: runs them elsewhere instead.
    """
    options = VerifierOptions(
        environments=environments,
        step_limits=step_limits(settings),
        confirmation=Confirmation(settings.confirm, settings.confirm_which, settings.confirm_rule),
        reveal=settings.reveal_targets,
        memory=_memory(settings, dataset),
        costs=CostStore(settings.cache_dir / "costs" / dataset.targets_sha256[:12]),
        runner=runner,
    )
    return Verifier(
        dataset.plans,
        dataset.targets,
        worker_count(settings),
        limits(settings),
        settings.isolation,
        options,
    )


def _memory(settings: DataSettings, dataset: Dataset) -> VerdictMemory | None:
    """Return the verdicts of earlier runs; each level of confinement has its own folder."""
    if not settings.verdict_cache:
        return None
    kept = settings.cache_dir
    digests = target_digests(
        dataset.targets, dataset.targets_sha256, dataset.scored, kept / "targets"
    )
    # A program that ran without confinement may have written into its own folder.
    folder = "verdicts-unconfined" if settings.isolation is Level.NONE else "verdicts"
    return VerdictMemory(VerdictCache(kept / folder), digests)


def _guessable(targets: Path, plans: Mapping[str, StepPlan]) -> frozenset[str]:
    """Find the scored sub-steps that can be passed by guessing."""
    with TargetFile(targets) as file:
        return frozenset(
            step_id
            for step_id, plan in plans.items()
            if is_guessable(
                [case.judge for case in plan.cases], file.literals(step_id, len(plan.cases))
            )
        )


def worker_count(settings: DataSettings) -> int:
    """Return how many programs run at once: never more than cores unless asked for."""
    return settings.workers or os.cpu_count() or 1


def _benchmark(name: str, digests: Sequence[str]) -> Benchmark | None:
    """Tell which published benchmark the problems are, by the dataset's name or by the files."""
    if name in NAMED:
        return Benchmark.VERIFIED if name == "verified" else Benchmark.SCICODE
    found = {_PUBLISHED.get(digest) for digest in digests}
    return found.pop() if len(found) == 1 else None


def _upstream(settings: DataSettings, folder: Path) -> Path | None:
    if settings.upstream is not None:
        return settings.upstream
    beside = folder / "upstream"
    return beside if beside.is_dir() else None


def _own_targets(settings: DataSettings, problems: Path) -> Path:
    if settings.targets is not None:
        _require(settings.targets, "--targets")
        return settings.targets
    beside = problems.with_name("targets.h5")
    if not beside.is_file():
        raise ConfigError(
            f"no targets for {problems}: expected --targets FILE.h5 or {beside}, found neither; "
            f"`scicode-flows targets {problems} --output FILE.h5` derives them from gold code"
        )
    return beside


def _require(path: Path, what: str) -> None:
    if not path.exists():
        raise ConfigError(
            f"{what} needs {path}, which is not there; give the path of the file, or fetch SciCode "
            "with `scicode-flows prepare` (README, “Run SciCode”)"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def dataset_identity(settings: DataSettings, dataset: Dataset) -> dict[str, JsonValue]:
    """Return the part of a run's identity that has nothing to do with a model."""
    return {
        "dataset": dataset.name,
        "dataset_sha256": list(dataset.sha256),
        "problems": [problem.problem_id for problem in dataset.problems],
        "targets_sha256": dataset.targets_sha256,
        "scored": settings.scored.value,
        "given": settings.given.value,
        "limits": asdict(limits(settings)),
        "step_time_limits": dict(settings.step_time_limits),
        "environments": list(settings.environments),
        "confirm": [settings.confirm, settings.confirm_which.value, settings.confirm_rule.value],
        "reveal_targets": settings.reveal_targets,
    }


def example_file(name: str) -> Path:
    """Return the path of a file of the bundled example."""
    return Path(str(files("tasks.example"))) / name
