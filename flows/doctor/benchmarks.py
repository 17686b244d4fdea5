"""Checks of what is evaluated: the files of the datasets, the cases and targets, the prompt."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from flows.config import EXAMPLE, DataSettings, EvalConfig
from flows.dataset import NAMED, locate, select, with_scored_steps
from flows.doctor.findings import Finding, Status
from flows.inputs import load_prompt_template
from tasks.core.assets import ASSETS, Asset
from tasks.core.errors import TargetError
from tasks.core.records import Problem
from tasks.dataset import load_problems
from tasks.targets import TargetFile, check_targets
from tasks.verifier import plan_steps

DATASETS = (EXAMPLE, *NAMED)

_ASSETS = {asset.name: asset for assets in ASSETS.values() for asset in assets}


def dataset_files(name: str, settings: DataSettings, *, deep: bool) -> Finding:
    """Check that a known dataset's files are there and right.

    Problems are always hashed; of targets, without `deep`, length and structure are looked at. What
    is wrong with a dataset that is not asked for is a note.
    """
    title = f"dataset {name}"
    if name == EXAMPLE:
        return Finding(title, Status.OK, "comes with the package")
    problems, targets = NAMED[name]
    own = settings.targets if name == settings.dataset else None
    names = problems if own else (*problems, targets)
    absent = [file for file in names if not (settings.data_dir / file).is_file()]
    present = (file for file in names if file not in absent)
    faults = [f"{settings.data_dir} lacks {' and '.join(absent)}"] if absent else []
    faults += [fault for file in present for fault in _faults(file, settings.data_dir, deep=deep)]
    if faults:
        status = Status.FAIL if name == settings.dataset else Status.NOTE
        benchmark = "verified" if name == "verified" else "scicode"
        place = f" --data-dir {settings.data_dir}" if settings.data_dir != Path("data") else ""
        advice = f"scicode-flows prepare {benchmark}{place}"
        return Finding(title, status, "; ".join(faults), advice)
    how = "sha256 of all is right" if deep else "sizes and problems are right"
    beside = f", with the targets {own}" if own else ""
    return Finding(title, Status.OK, f"{len(names)} files in {settings.data_dir}, {how}{beside}")


def cases_and_targets(settings: DataSettings) -> Finding:
    """Check that every case can be cut and has its target."""
    problems = chosen_problems(settings)
    scored = check_targets(locate(settings).targets, problems, settings.scored)
    cases = sum(len(plan.cases) for plan in plan_steps(problems, scored).values())
    found = f"{len(problems)} problems, {len(scored)} scored sub-steps, {cases} cases with targets"
    return Finding("cases and targets", Status.OK, found)


def chosen_problems(settings: DataSettings) -> tuple[Problem, ...]:
    """Read the problems that would be evaluated.

    Raises:
        ConfigError, DatasetError: what was expected, what was found, what to do.
    """
    files = locate(settings)
    sets = [
        load_problems(path, upstream=files.upstream, given=settings.given)
        for path in files.problems
    ]
    return select(sets, settings.problems)


def judged_problems(settings: DataSettings) -> tuple[Problem, ...]:
    """Read the problems that have scored sub-steps; all of them where the targets cannot tell.

    Raises:
        ConfigError, DatasetError: what was expected, what was found, what to do.
    """
    problems = chosen_problems(settings)
    try:
        scored = check_targets(locate(settings).targets, problems, settings.scored)
    except TargetError:
        # That is for the check of the targets to say.
        return problems
    return with_scored_steps(problems, scored)


def prompt(config: EvalConfig) -> Finding:
    """Tell which prompt template would be used."""
    template = load_prompt_template(config)
    if config.prompt is None and config.dataset in NAMED and template.name.startswith("own-"):
        found = f"{template.name}: the official templates are not there"
        advice = "scicode-flows prepare scicode fetches them, for scores comparable with others"
        return Finding("prompt", Status.NOTE, found, advice)
    return Finding("prompt", Status.OK, template.name)


def _faults(name: str, folder: Path, *, deep: bool) -> Iterator[str]:
    path, asset = folder / name, _ASSETS[name]
    size = path.stat().st_size
    if asset.size_bytes not in (None, size):
        yield f"{path} has {size} of {asset.size_bytes} bytes"
    elif deep or path.suffix != ".h5":
        yield from _wrong_hash(path, asset)
    else:
        with TargetFile(path) as file:
            if not file.case_counts():
                yield f"{path} holds no targets"


def _wrong_hash(path: Path, asset: Asset) -> Iterator[str]:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != asset.sha256:
        yield f"{path} has sha256 {found[:12]}…, expected {asset.sha256[:12]}…"
