"""Where nothing can be forked, an interpreter for each job does the same, under limits only."""

import asyncio
import dataclasses
import sys
from pathlib import Path

import pytest

from tasks.core.errors import SandboxError
from tasks.core.records import ChildCase, Ending, Job, Limits
from tasks.sandbox.layers import Layer, Level
from tasks.sandbox.wire import decode_values

LIMITS = Limits(cpu_s=20.0, wall_s=60.0, memory_bytes=4 * 2**30, frame_bytes=2**20)


def job(program: str, *ships: str) -> Job:
    return Job(program, (ChildCase("", ships or ("1",)),))


def run(make_pool, *jobs, limits=LIMITS):
    async def talk():
        async with make_pool(2, limits, forking=False, without=()) as pool:
            return await asyncio.gather(*(pool.run(each) for each in jobs))

    return asyncio.run(talk())


def test_a_job_runs_in_an_interpreter_of_its_own(make_pool):
    program = "import os, sys; open('out', 'w').write('x')"
    ships = ("6 * 7", "os.getpid()", "os.getcwd() == os.environ['HOME']", "os.listdir()")
    first, second = run(make_pool, job(program, *ships), job(program, *ships))
    (answer, pid, is_home, files), (_, other_pid, *_) = (
        decode_values(outcome.frames[0]) for outcome in (first, second)
    )
    assert (answer, is_home, files) == (42, True, ["out"])
    assert pid != other_pid
    assert first.peak_bytes > 2**20
    assert first.cpu_s > 0


def test_its_ends_are_told_likewise(make_pool, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    short = dataclasses.replace(LIMITS, wall_s=0.5)
    programs = ["import time; time.sleep(900)", "1 / 0", "import os; os._exit(3)", "("]
    outcomes = run(make_pool, *map(job, programs), limits=short)
    endings = [outcome.ending for outcome in outcomes]
    assert endings == [Ending.TIMED_OUT, Ending.RAISED, Ending.KILLED, Ending.SYNTAX_ERROR]
    assert list(tmp_path.iterdir()) == []


def test_its_level_is_none_and_no_pool_takes_that_unasked(make_pool):
    (outcome,) = run(make_pool, job(""))
    assert Layer.RLIMITS in outcome.layers
    assert not {Layer.LANDLOCK, Layer.SECCOMP} & set(outcome.layers)

    async def talk():
        async with make_pool(forking=False, without=(), required=Level.ANY):
            pass

    with pytest.raises(SandboxError, match="isolation any was required, found isolation none"):
        asyncio.run(talk())


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_cancelled_jobs_leave_no_process_and_no_descriptor(make_pool, tmp_path):
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    async def talk():
        async with make_pool(forking=False, without=()) as pool:
            before = descriptors()
            path = tmp_path / "pid"
            text = f"import os, time; open({str(path)!r}, 'w').write(str(os.getpid()) + '.')"
            call = asyncio.create_task(pool.run(job(f"{text}; time.sleep(900)")))
            while not (path.exists() and path.read_text().endswith(".")):  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.02)
            call.cancel()
            await asyncio.wait([call])
            assert descriptors() == before
            return int(path.read_text().rstrip("."))

    assert not Path(f"/proc/{asyncio.run(talk())}").exists()
