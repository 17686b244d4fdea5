"""Runs a cluster of two nodes on loopback, one processor each: two_nodes.py ray|dask FOLDER.

Prints the address. `kill` on the standard input kills the second node; its end ends the cluster.
Each node has a home of its own below the folder, and so its own cache.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

STORE_BYTES = 80_000_000


@contextmanager
def ray_nodes(folder: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Start a head and a second node."""
    from ray.cluster_utils import Cluster

    homes = [make_home(folder, number) for number in (1, 2)]
    common = {
        "num_cpus": 1,
        "object_store_memory": STORE_BYTES,
        "include_dashboard": False,
        "node_ip_address": "127.0.0.1",
    }
    head = {**common, "env_vars": {"HOME": homes[0]}}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        second = cluster.add_node(**common, env_vars={"HOME": homes[1]})
        yield cluster.address, lambda: cluster.remove_node(second, allow_graceful=False)
    finally:
        cluster.shutdown()


@contextmanager
def dask_nodes(folder: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Start a scheduler and two workers."""
    dask = str(Path(sys.executable).with_name("dask"))
    file = folder / "scheduler.json"
    common = ("--host", "127.0.0.1", "--scheduler-file", str(file))
    started = [start(folder, 0, dask, "scheduler", "--port", "0", *common, "--no-dashboard")]
    try:
        while not file.exists():
            if started[0].poll() is not None:
                raise RuntimeError(f"the scheduler ended; see {folder}")
            signal.sigtimedwait([], 0.2)
        options = ("--nthreads", "1", "--no-dashboard", "--local-directory")
        for number in (1, 2):
            home = make_home(folder, number)
            started.append(start(folder, number, dask, "worker", *common, *options, home))
        address = next(p for p in file.read_text().split('"') if p.startswith("tcp://"))
        yield address, lambda: kill(started[2])
    finally:
        for process in started:
            kill(process)


def make_home(folder: Path, number: int) -> str:
    """Make the home of a node."""
    home = folder / f"home{number}"
    home.mkdir()
    return str(home)


def start(folder: Path, number: int, *command: str) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, so that its children can be killed with it."""
    home = folder / f"home{number}"
    with (folder / f"log{number}").open("wb") as log:
        return subprocess.Popen(
            command,
            env={**os.environ, "HOME": str(home)},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its children, if it still runs."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main() -> None:
    """Serve until the standard input ends."""
    nodes = {"ray": ray_nodes, "dask": dask_nodes}[sys.argv[1]]
    with nodes(Path(sys.argv[2])) as (address, kill_second):
        print(address, flush=True)
        for line in sys.stdin:
            if line.strip() == "kill":
                kill_second()
                print("killed", flush=True)


if __name__ == "__main__":
    main()
