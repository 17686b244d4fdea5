"""Runs every hostile program once, through one verifier, before the first assertion.

Own programs define `answer(x)` and are tried on the kinds of case that the manifest names, each of
them a sub-step of a benchmark made of `kinds.yaml`. The programs of `../shared/attacks` define what
their sub-steps of SciCode's dev problems ask for, its probes excepted.
"""

import asyncio
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy import sparse

import tasks
from tasks.core.errors import EvalError
from tasks.core.records import Given, Limits, Problem, Scored, Verdict
from tasks.dataset import load_problems
from tasks.sandbox.layers import Level, grade
from tasks.targets import check_targets, write_targets
from tasks.verifier import Verifier, plan_steps

HERE = Path(__file__).parent
SHARED = HERE.parents[2] / "shared"
LIMITS = Limits(cpu_s=2.0, wall_s=4.0, memory_bytes=2**30, frame_bytes=16 * 2**20)
WORKERS = 2
# The port that the shared attacks on the network try.
SHARED_PORT = 48123
HIDDEN = "hostile-secret"
# Longer than a program that is left behind waits before it writes its marker.
AFTERMATH_S = 1.0


@dataclass(frozen=True, slots=True)
class Attack:
    """One hostile program, and the sub-steps that it is tried on.

    `goal` is one of pass, probe, marker and survive; `level` the lowest that stops it.
    """

    name: str
    category: str
    goal: str
    level: Level
    steps: tuple[str, ...]
    path: Path
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """What a program's placeholders stand for."""

    work: Path
    bystander: int
    port: int

    def fill(self, attack: Attack) -> str:
        """Return the program's text, with a folder for markers of its own."""
        markers = self.markers(attack)
        markers.mkdir(parents=True, exist_ok=True)
        words = {
            "@MARKERS@": markers,
            "@SECRET@": self.work / "secret",
            "@DATA@": self.work / "data",
            "@WORK@": self.work,
            "@PACKAGE@": Path(tasks.__file__).parent,
            "@SOCKET@": self.work / "socket",
            "@BYSTANDER@": self.bystander,
            "@PORT@": self.port,
        }
        text = attack.path.read_text()
        for word, value in words.items():
            text = text.replace(word, str(value))
        return text

    def markers(self, attack: Attack) -> Path:
        """Return the folder that the program must leave empty."""
        return self.work / "markers" / attack.path.stem


@dataclass(slots=True)
class Observed:
    """What the programs did, and what was left when the verifiers had closed."""

    verdicts: dict[tuple[str, str], Verdict] = field(default_factory=dict)
    errors: dict[tuple[str, str], str] = field(default_factory=dict)
    markers: dict[str, list[str]] = field(default_factory=dict)
    honest: dict[str, list[Verdict]] = field(default_factory=dict)
    survivors: list[str] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    bystander_lives: bool = False

    @property
    def level(self) -> Level:
        """The confinement that honest code and every program were under."""
        verdicts = [*self.verdicts.values(), *(v for vs in self.honest.values() for v in vs)]
        return grade(set.intersection(*(set(verdict.layers) for verdict in verdicts)))


def _kinds() -> dict[str, dict[str, object]]:
    return yaml.safe_load((HERE / "kinds.yaml").read_text())


def load_attacks() -> list[Attack]:
    """Read the manifest of the own programs, and that of the shared ones where they are."""
    ids = {kind: f"1.{number}" for number, kind in enumerate(_kinds(), 1)}
    manifest = yaml.safe_load((HERE / "manifest.yaml").read_text())
    own = [
        Attack(
            name,
            category,
            entry["goal"],
            Level(entry["level"]),
            tuple(ids[kind] for kind in entry["cases"]),
            HERE / "programs" / f"{name}.py",
        )
        for category, entries in manifest.items()
        for name, entry in entries.items()
    ]
    file = SHARED / "attacks" / "manifest.json"
    entries = json.loads(file.read_text()) if file.exists() else []
    return own + [_shared_attack(entry, file.parent, ids["shared"]) for entry in entries]


def _shared_attack(entry: dict[str, str], folder: Path, probe_step: str) -> Attack:
    probe = entry["goal"].startswith("probe")
    return Attack(
        f"shared_{entry['name']}",
        f"shared {entry['category']}",
        "probe" if probe else "pass",
        Level.STRONG if probe and entry["name"] != "mem_bomb" else Level.NONE,
        (probe_step if probe else entry["step"],),
        folder / entry["file"],
        shared=True,
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give every test that takes an `attack` all of them."""
    if "attack" in metafunc.fixturenames:
        attacks = load_attacks()
        metafunc.parametrize("attack", attacks, ids=[attack.name for attack in attacks])


@pytest.fixture(scope="session")
def attacks() -> list[Attack]:
    """Return all programs."""
    return load_attacks()


@pytest.fixture(scope="session")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """Run the whole corpus, honest code before and after it."""
    if sys.platform != "linux":
        pytest.skip("the corpus counts on Linux's process table and signals")
    work = tmp_path_factory.mktemp("hostile")
    for folder in ("secret", "data"):
        (work / folder).mkdir()
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("OPENAI_API_KEY", HIDDEN)
        sandboxes = stack.enter_context(tempfile.TemporaryDirectory(prefix="hostile-"))
        # Children that are somebody else have to reach their own folders in it.
        Path(sandboxes).chmod(0o755)
        patch.setattr("tempfile.tempdir", sandboxes)
        place = stack.enter_context(_surroundings(work))
        stack.enter_context(_adopting_orphans())
        yield asyncio.run(_observe(place, load_attacks()))


@contextmanager
def _surroundings(work: Path) -> Iterator[Place]:
    """Things to find: a secret, a service on two kinds of socket, a process of somebody else."""
    (work / "secret" / "id_ed25519").write_text(HIDDEN)
    targets = SHARED / "data" / "scicode" / "targets_dev.h5"
    if targets.exists():
        (work / "data" / "dev_targets.h5").symlink_to(targets)
    with ExitStack() as stack:
        ports = [_listen(stack, port) for port in (0, SHARED_PORT)]
        service = stack.enter_context(socket.socket(socket.AF_UNIX))
        service.bind(str(work / "socket"))
        service.listen()
        sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
        environment = {"SECRET_TOKEN": HIDDEN}
        bystander = subprocess.Popen(sleeper, env=environment, start_new_session=True)
        stack.enter_context(bystander)
        stack.callback(bystander.kill)
        yield Place(work, bystander.pid, ports[0])


def _listen(stack: ExitStack, port: int) -> int:
    service = stack.enter_context(socket.socket())
    service.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Somebody else may have the port; to connect to them shows the same.
    with suppress(OSError):
        service.bind(("127.0.0.1", port))
        service.listen()
    return int(service.getsockname()[1])


@contextmanager
def _adopting_orphans() -> Iterator[None]:
    """Have what outlives its parent become this process's child, so that none gets out of sight."""
    prctl, set_subreaper = ctypes.CDLL(None).prctl, 36
    prctl(set_subreaper, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(set_subreaper, 0, 0, 0, 0)


async def _observe(place: Place, attacks: list[Attack]) -> Observed:
    observed = Observed()
    processes, descriptors = _descendants(), _descriptors()
    problems, targets = _own_benchmark(place.work)
    mine = [attack for attack in attacks if _is_own(attack)]
    await _run_all(observed, place, problems, targets, mine)
    others = [attack for attack in attacks if not _is_own(attack)]
    dev = SHARED / "data" / "scicode" / "problems_dev.jsonl"
    if others and dev.exists():
        problems = load_problems(dev, upstream=None, given=Given.WHOLE).problems
        await _run_all(observed, place, problems, dev.with_name("targets_dev.h5"), others)
    await asyncio.sleep(AFTERMATH_S)
    observed.bystander_lives = _alive(place.bystander)
    observed.survivors = _remove_survivors(processes)
    observed.descriptors = sorted(_descriptors() - descriptors)
    observed.folders = _names(Path(tempfile.gettempdir()))
    for attack in attacks:
        observed.markers[attack.name] = _names(place.markers(attack))
    return observed


def _is_own(attack: Attack) -> bool:
    """Whether a program runs on the benchmark that is made here."""
    return not attack.shared or attack.goal == "probe"


async def _run_all(
    observed: Observed,
    place: Place,
    problems: Sequence[Problem],
    targets: Path,
    attacks: Sequence[Attack],
) -> None:
    """Run the attacks at once, and honest code before and after them."""
    dependencies = {s.step_id: p.dependencies for p in problems for s in p.sub_steps}
    tried = [(attack, step_id) for attack in attacks for step_id in attack.steps]
    plans = plan_steps(problems, check_targets(targets, problems, Scored.ALL))

    async with Verifier(plans, targets, WORKERS, LIMITS) as verifier:

        async def one(attack: Attack, step_id: str) -> None:
            program = f"{dependencies[step_id]}\n{place.fill(attack)}"
            try:
                verdict = await verifier.verify(step_id, program, None)
            except EvalError as error:
                observed.errors[attack.name, step_id] = str(error)
            else:
                observed.verdicts[attack.name, step_id] = verdict

        async def check(step_id: str) -> None:
            program = f"{dependencies[step_id]}\n{_honest(problems, step_id)}"
            verdict = await verifier.verify(step_id, program, None)
            name = f"{problems[0].name} {step_id}"
            observed.honest.setdefault(name, []).append(verdict)

        honest = sorted({step_id for _, step_id in tried})
        await asyncio.gather(*map(check, honest))
        await asyncio.gather(*(one(attack, step_id) for attack, step_id in tried))
        await asyncio.gather(*map(check, honest))


def _honest(problems: Sequence[Problem], step_id: str) -> str:
    """The gold code of a sub-step and of those before it in its problem."""
    (steps,) = (p.sub_steps for p in problems if any(s.step_id == step_id for s in p.sub_steps))
    last = [step.step_id for step in steps].index(step_id)
    return "\n\n".join(step.gold or "" for step in steps[: last + 1])


def _own_benchmark(work: Path) -> tuple[tuple[Problem, ...], Path]:
    """Write a problem with a sub-step for each kind of case, and its targets."""
    steps: list[dict[str, object]] = []
    targets: dict[str, list[object]] = {}
    for number, (name, kind) in enumerate(_kinds().items(), 1):
        header = "def cg(A, b, x, tol):" if name == "shared" else "def answer(x):"
        steps.append(
            {
                "step_number": f"1.{number}",
                "step_description_prompt": name,
                "function_header": header,
                "test_cases": kind["cases"],
                "ground_truth_code": f"{header}\n    return {kind['honest']}",
            }
        )
        names = {"np": np, "sparse": sparse}
        targets[f"1.{number}"] = [eval(text, names) for text in kind["targets"]]  # noqa: S307 - ours
    fields = {"problem_id": "1", "problem_name": "kinds", "sub_steps": steps}
    file = work / "problems.jsonl"
    file.write_text(json.dumps({**fields, "required_dependencies": "import numpy as np"}) + "\n")
    write_targets(file.with_name("targets.h5"), targets)
    problems = load_problems(file, upstream=None, given=Given.WHOLE).problems
    return problems, file.with_name("targets.h5")


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*"))


def _descriptors() -> set[int]:
    return set(map(int, _names(Path("/proc/self/fd"))))


def _stat(number: int) -> list[str]:
    """State, parent and so on of a process; nothing where it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return []


def _alive(number: int) -> bool:
    return bool(fields := _stat(number)) and fields[0] not in "ZTt"


def _descendants() -> set[int]:
    numbers = [int(name) for name in _names(Path("/proc")) if name.isdigit()]
    parents = {n: int(fields[1]) for n in numbers if (fields := _stat(n))}
    found = {os.getpid()}
    while more := {n for n, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}


def _remove_survivors(before: set[int]) -> list[str]:
    """Kill and name what lives although its verifier has closed, after a moment for the dying."""
    deadline = time.monotonic() + 2.0
    while time.monotonic() < deadline and any(map(_alive, _descendants() - before)):
        time.sleep(0.05)
    names: set[str] = set()
    while left := _descendants() - before:
        for number in left:
            with suppress(OSError):
                # A dead one only waits for its new parent to ask after it.
                if _alive(number):
                    names.add(Path(f"/proc/{number}/comm").read_text().strip())
                os.kill(number, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(number, 0)
    return sorted(names)
