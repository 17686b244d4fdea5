"""The work of the benchmarks: gold programs of SciCode's dev sub-steps, else of the example."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from flows.derive import gold_programs
from tasks.core.records import Given
from tasks.dataset import load_problems
from tasks.verifier import StepPlan, plan_steps

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "scicode"


@dataclass(frozen=True, slots=True)
class GoldWork:
    """Programs and cases of every scored sub-step, by its id, and the file of their targets."""

    programs: dict[str, str]
    cases: dict[str, tuple[str, ...]]
    plans: dict[str, StepPlan]
    targets: Path


@contextmanager
def gold_work() -> Iterator[GoldWork]:
    """Read the gold programs of SciCode's dev sub-steps if they are there, else the example's."""
    if (DATA / "targets_dev.h5").is_file():
        yield _read(DATA / "problems_dev.jsonl", DATA / "targets_dev.h5", DATA / "upstream")
        return
    with example_work() as work:
        yield work


@contextmanager
def example_work() -> Iterator[GoldWork]:
    """Read the gold programs of the bundled example."""
    folder = files("tasks.example")
    with as_file(folder / "problems.jsonl") as file, as_file(folder / "targets.h5") as targets:
        yield _read(file, targets, None)


def _read(file: Path, targets: Path, upstream: Path | None) -> GoldWork:
    problems = load_problems(file, upstream=upstream, given=Given.WHOLE).problems
    programs = {key: text for problem in problems for key, text in gold_programs(problem).items()}
    cases = {step.step_id: step.cases for problem in problems for step in problem.sub_steps}
    return GoldWork(programs, cases, plan_steps(problems, frozenset(programs)), targets)
