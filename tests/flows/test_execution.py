"""Programs are verified on the nodes of a cluster, and none is lost with a node."""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from flows.config import VerifyConfig, validate
from flows.dataset import load_dataset
from flows.derive import gold_programs
from flows.execution import make_recipe, make_remote_runner
from tasks.core.errors import ConfigError
from tasks.core.records import Given
from tasks.dataset import load_problems

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "scicode"
START_S = 180.0
# Ray takes loopback for what others cannot reach, unless it is told that there is nothing else.
LOOPBACK = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Its workers step back behind everybody else on the machine, which may be busy.
    "RAY_worker_niceness": "0",
}

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs SciCode's data in ../shared/data")


class Cluster:
    """Two nodes on loopback."""

    def __init__(self, process: "subprocess.Popen[str]", address: str) -> None:
        self._process = process
        self.address = address

    def kill_second(self) -> None:
        """Kill the second node, and wait until it is dead."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("kill\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "killed\n"


@contextmanager
def running(kind: str, folder: Path) -> Iterator[Cluster]:
    """Run a cluster; it ends with its standard input."""
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("two_nodes.py")), kind, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **LOOPBACK},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert address, "the cluster did not start"
        yield Cluster(process, address)
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


def write_gold(file: Path) -> int:
    """Write the gold programs of all dev sub-steps."""
    problems = load_problems(
        DATA / "problems_dev.jsonl", upstream=DATA / "upstream", given=Given.WHOLE
    ).problems
    gold = {key: text for problem in problems for key, text in gold_programs(problem).items()}
    lines = (json.dumps({"step_id": key, "program": text}) for key, text in gold.items())
    file.write_text("\n".join(lines))
    return len(gold)


def own_environment(home: Path) -> dict[str, str]:
    """Return the environment of an evaluator whose cache is in its home, as that of nodes is."""
    kept = {name: value for name, value in os.environ.items() if name != "XDG_CACHE_HOME"}
    return {**kept, **LOOPBACK, "HOME": str(home)}


def count_lines(file: Path) -> int:
    """Count the verdicts that were written so far."""
    return len(file.read_bytes().splitlines()) if file.exists() else 0


@pytest.mark.cluster
@needs_data
@pytest.mark.parametrize("kind", ["ray", "dask"])
def test_gold_passes_on_two_nodes_though_one_is_killed(kind: str, tmp_path: Path) -> None:
    if find_spec({"ray": "ray", "dask": "distributed"}[kind]) is None:
        pytest.skip(f"needs the extra {kind}")
    assert write_gold(tmp_path / "gold.jsonl") == 50
    # Where the evaluator finds its targets, a node finds none: it gets a copy.
    (tmp_path / "targets.h5").symlink_to(DATA / "targets_dev.h5")
    output = tmp_path / "run"
    with running(kind, tmp_path / "cluster") as cluster, (tmp_path / "said").open("wb") as said:
        command = [sys.executable, "-m", "flows", "verify", str(tmp_path / "gold.jsonl")]
        options = {
            "dataset": DATA / "problems_dev.jsonl",
            "targets": "/proc/self/cwd/targets.h5",
            "output": output,
            "execution": kind,
            "execution-address": cluster.address,
        }
        given = [f"--{name}={value}" for name, value in options.items()]
        evaluator = subprocess.Popen(
            [*command, *given],
            cwd=tmp_path,
            env=own_environment(tmp_path / "home"),
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        while count_lines(output / "verdicts.jsonl") < 12 and evaluator.poll() is None:
            time.sleep(0.2)
        cluster.kill_second()
        killed_at = count_lines(output / "verdicts.jsonl")
        assert evaluator.wait(900) == 0, (tmp_path / "said").read_text()
    text = (tmp_path / "said").read_text()
    print(text)
    assert killed_at < 50
    document: dict[str, Any] = json.loads((output / "metrics.json").read_text())
    accuracy = document["metrics"]["subtask_accuracy"]
    assert (accuracy["numerator"], accuracy["denominator"]) == (50, 50)
    assert "was lost; its programs run elsewhere" in text
    verified = re.search(r"programs verified: (\d+) on \S+, (\d+) on ", text)
    assert verified is not None, text
    first, second = map(int, verified.groups())
    assert min(first, second) > 0
    # The verdicts of the dead node were lost with their programs, which ran again.
    assert first + second == 50
    copies = list(tmp_path.glob("cluster/home*/.cache/scicode-flows/node-targets/*.h5"))
    assert len(copies) == 2


def test_programs_run_here_unless_a_cluster_is_asked_for(small: Path) -> None:
    settings = validate(VerifyConfig, {"dataset": str(small), "programs": small})
    assert make_remote_runner(settings, load_dataset(settings), print) is None


def test_nodes_are_told_what_is_checked_there(small: Path) -> None:
    targets = small.with_name("targets.h5")
    given = {"cache_dir": Path.home() / "kept", "environments": "current,scipy-2024"}
    settings = validate(VerifyConfig, {"dataset": str(small), "programs": small, **given})
    recipe = make_recipe(settings, load_dataset(settings))
    assert recipe.targets.path == str(targets)
    assert recipe.targets.sha256 == hashlib.sha256(targets.read_bytes()).hexdigest()
    assert recipe.targets.size_bytes == targets.stat().st_size
    assert set(recipe.cases) == {"1.1", "1.2", "1.3", "2.2"}
    # A node has another home, and need not have this release's lock files.
    assert recipe.cache_dir == "~/kept"
    current, old = recipe.environments
    assert (current.name, current.lock) == ("current", None)
    assert old.name == "scipy-2024"
    assert old.lock is not None
    assert old.lock.startswith("#")
    assert "scipy==" in old.lock


def test_two_environments_of_one_name_are_refused(small: Path, tmp_path: Path) -> None:
    (tmp_path / "scipy-2024.lock").write_text("# python: 3.11\nscipy==1.14.1\n")
    given = {"environments": f"scipy-2024,{tmp_path / 'scipy-2024.lock'}"}
    settings = validate(VerifyConfig, {"dataset": str(small), "programs": small, **given})
    with pytest.raises(ConfigError, match="expected environments of different names"):
        make_recipe(settings, load_dataset(settings))


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"execution": "dask"}, "execution_address: expected the scheduler's"),
        ({"execution_address": "127.0.0.1:1"}, "execution: expected ray or dask"),
        ({"execution": "slurm"}, "execution: Input should be 'local', 'ray' or 'dask'"),
    ],
)
def test_an_execution_that_cannot_be_is_refused(
    small: Path, settings: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        validate(VerifyConfig, {"dataset": str(small), "programs": small, **settings})
