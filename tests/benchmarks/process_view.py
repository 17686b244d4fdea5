"""What Linux tells of a process and of those it started, for the benchmarks."""

import os
import tempfile
from pathlib import Path

PROC = Path("/proc")


def children(pid: int | None = None) -> list[int]:
    """Return the processes that a process (by default this one) started and that still exist."""
    tasks = PROC / str(pid or os.getpid()) / "task"
    return [int(n) for t in tasks.iterdir() for n in (t / "children").read_text().split()]


def descendants() -> list[int]:
    """Return the processes below this one."""
    found, left = [], children()
    while left:
        pid = left.pop()
        found.append(pid)
        left += children(pid)
    return found


def command(pid: int) -> str:
    """Return what the process was started with."""
    return (PROC / str(pid) / "cmdline").read_text().replace("\0", " ")


def judge_and_zygote() -> tuple[int, int]:
    """Return the judge of an open verifier that is idle, and the template that children fork from.

    The template is below the process that was started for it.
    """
    judges = [pid for pid in children() if "tasks.judge.process" in command(pid)]
    started = [pid for pid in children() if "sandbox.zip" in command(pid)]
    zygotes = [pid for keeper in started for pid in children(keeper) or [keeper]]
    if len(judges) != 1 or len(zygotes) != 1:
        raise RuntimeError(f"expected a judge and a zygote, found {[*map(command, children())]}")
    return judges[0], zygotes[0]


def memory_mb(pid: int, name: str) -> float:
    """Return Rss or Pss of a process, in megabytes (10^6 bytes)."""
    for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"no {name} of process {pid}")


def bytes_read(pid: int) -> int:
    """Return how many bytes a process has read so far, from files and pipes, cached or not."""
    for line in (PROC / str(pid) / "io").read_text().splitlines():
        if line.startswith("rchar:"):
            return int(line.split()[1])
    raise RuntimeError(f"no rchar of process {pid}")


def descriptors(pid: int) -> int:
    """Return the number of open files of a process."""
    return len(list((PROC / str(pid) / "fd").iterdir()))


def folders() -> set[str]:
    """Return the names in the temp folder."""
    return {path.name for path in Path(tempfile.gettempdir()).iterdir()}


def reset_own_peak() -> None:
    """Have the kernel measure this process's peak memory anew."""
    (PROC / "self" / "clear_refs").write_text("5")


def own_peak_mb() -> float:
    """Return this process's peak memory, in megabytes (10^6 bytes)."""
    for line in (PROC / "self" / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("no peak memory of this process")
