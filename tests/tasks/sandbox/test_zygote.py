"""The zygote serves whole or not at all, dies with its pool, and is replaced when it is killed."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.core.errors import SandboxError
from tasks.core.records import ChildCase, Ending, Job, Limits
from tasks.sandbox.layers import Level
from tasks.sandbox.pool import SandboxPool
from tasks.sandbox.wire import decode_values

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is a zygote on Linux only")

SOON_S = 30.0


def descendants(pid: int) -> Iterator[int]:
    """All living processes below one, outermost first."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents.setdefault(int(parent), []).append(int(stat.parent.name))
    below = list(parents.get(pid, []))
    for child in below:
        yield child
        below += parents.get(child, [])


def is_of_bundle(pid: int) -> bool:
    try:
        return b"zygote" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


@pytest.fixture
def zygotes() -> Callable[[], list[int]]:
    """List the zygotes of this test, with guardians and children, outermost first."""
    # The pools that all tests share have some too.
    others = set(descendants(os.getpid()))

    def find() -> list[int]:
        strangers = {pid for other in others for pid in descendants(other)} | others
        return [
            pid for pid in descendants(os.getpid()) if pid not in strangers and is_of_bundle(pid)
        ]

    return find


def is_gone(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not condition():  # noqa: ASYNC110 - another process sets no event here
            await asyncio.sleep(0.02)


def job(program: str, *ships: str) -> Job:
    return Job(program, (ChildCase("", ships or ("1",)),))


def counting(path: Path) -> Job:
    """A program that leaves a line each time it runs, and the second time comes to its end."""
    return job(
        f"import time\nwith open({str(path)!r}, 'a') as file: file.write('run\\n')\n"
        f"if len(open({str(path)!r}).readlines()) < 2: time.sleep(900)"
    )


def lines(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_a_job_whose_zygote_is_killed_runs_once_more(make_pool, tmp_path, zygotes):
    async def talk():
        async with make_pool() as pool:
            call = asyncio.create_task(pool.run(counting(tmp_path / "log")))
            await until(lambda: lines(tmp_path / "log") == 1)
            os.kill(zygotes()[0], signal.SIGKILL)
            outcome = await call
            return outcome, await pool.run(job("", "6 * 7"))

    outcome, after = asyncio.run(talk())
    assert outcome.ending is Ending.COMPLETED
    assert lines(tmp_path / "log") == 2
    assert decode_values(after.frames[0]) == [42]


def test_a_job_whose_zygote_is_killed_twice_is_killed(make_pool, tmp_path, zygotes):
    path = tmp_path / "log"
    sleeping = job(f"import time\nopen({str(path)!r}, 'a').write('run\\n')\ntime.sleep(900)")

    async def talk():
        async with make_pool() as pool:
            call = asyncio.create_task(pool.run(sleeping))
            for times in (1, 2):
                await until(lambda times=times: lines(path) == times)
                os.kill(zygotes()[0], signal.SIGKILL)
            return await call, await pool.run(job("", "6 * 7"))

    outcome, after = asyncio.run(talk())
    assert outcome.ending is Ending.KILLED
    assert "zygote" in outcome.detail
    assert outcome.frames == ()
    assert decode_values(after.frames[0]) == [42]


@pytest.mark.parametrize("which", [0, 1], ids=["guardian", "zygote"])
def test_children_in_namespaces_end_with_any_of_their_ancestors(make_pool, which, zygotes):
    async def talk():
        async with make_pool(without=()) as pool:
            if pool.report.level is not Level.FULL:
                pytest.skip("no namespaces here")
            call = asyncio.create_task(pool.run(job("import time; time.sleep(900)")))
            await until(lambda: len(zygotes()) == 3)
            family = zygotes()
            os.kill(family[which], signal.SIGKILL)
            await until(lambda: all(map(is_gone, family)))
            # The job has begun again.
            await until(lambda: len(zygotes()) == 3)
            call.cancel()
            await asyncio.wait([call])

    asyncio.run(talk())
    assert zygotes() == []


def test_a_child_in_namespaces_that_is_killed_beside_another_begins_again(make_pool, zygotes):
    async def talk():
        async with make_pool(2, without=()) as pool:
            if pool.report.level is not Level.FULL:
                pytest.skip("no namespaces here")
            calls = [
                asyncio.create_task(pool.run(job("import time; time.sleep(900)"))),
                asyncio.create_task(pool.run(job("import time; time.sleep(900)"))),
            ]
            await until(lambda: len(zygotes()) == 4)
            killed, beside = zygotes()[2:]
            os.kill(killed, signal.SIGKILL)
            await until(lambda: is_gone(killed))
            await asyncio.sleep(0.2)  # time to begin again too early
            assert zygotes()[2:] == [beside]
            os.kill(beside, signal.SIGKILL)
            # Both begin again, one after the other.
            await until(lambda: len(zygotes()) == 3 and beside not in zygotes())
            await asyncio.sleep(0.2)
            assert len(zygotes()) == 3
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)

    asyncio.run(talk())


def test_a_job_that_kills_the_zygote_takes_nobody_with_it(make_pool, tmp_path, zygotes):
    """Both run again alone, so that the second time only the guilty one is killed."""
    guilty = tmp_path / "guilty"
    murder = f"import os\nopen({str(guilty)!r}, 'a').write('run\\n')\nos.kill(os.getppid(), 9)"
    wait = f"import os, time\nwhile not os.path.exists({str(guilty)!r}): time.sleep(0.01)\n"

    async def talk():
        async with make_pool(2) as pool:
            victim = asyncio.create_task(pool.run(job(wait + "time.sleep(1)", "6 * 7")))
            await until(lambda: len(zygotes()) > 1)
            return await asyncio.gather(victim, pool.run(job(murder + "; time.sleep(9)")))

    victim, murderer = asyncio.run(talk())
    assert victim.ending is Ending.COMPLETED
    assert murderer.ending is Ending.KILLED
    assert lines(guilty) == 2


@pytest.mark.parametrize("without", ["()", "('landlock', 'seccomp', 'user_ns', 'uid')"])
def test_no_child_survives_the_evaluator_by_two_seconds(without, bare_python, tmp_path):
    source = (
        "import asyncio\n"
        "from tasks.core.records import Job\n"
        "from tasks.sandbox.layers import Layer, Level\n"
        "from tasks.sandbox.pool import SandboxPool\n"
        "async def talk():\n"
        f"    without = tuple(map(Layer, {without}))\n"
        f"    async with SandboxPool(2, python={bare_python!r}, required=Level.NONE,\n"
        "                           without=without) as pool:\n"
        "        job = Job('import time; print(end=str(1)); time.sleep(900)', ())\n"
        "        await asyncio.gather(pool.run(job), pool.run(job))\n"
        "asyncio.run(talk())"
    )
    command = [sys.executable, "-c", source]
    with subprocess.Popen(command, env={"TMPDIR": str(tmp_path)}) as evaluator:
        try:
            # The zygote, with its guardian or without, and both children.
            asyncio.run(until(lambda: len(list(descendants(evaluator.pid))) >= 3))
            time.sleep(0.5)  # any of them may still be about to be started
            family = list(descendants(evaluator.pid))
        finally:
            evaluator.kill()
    begin = time.monotonic()
    asyncio.run(until(lambda: all(map(is_gone, family))))
    assert time.monotonic() - begin < 2.0


def test_a_zygote_with_threads_refuses_to_serve(zygotes):
    pytest.importorskip("numpy")

    async def talk():
        extra = {"OPENBLAS_NUM_THREADS": "2"}
        async with SandboxPool(1, Limits(), required=Level.NONE, extra_environment=extra):
            pass

    if (os.cpu_count() or 1) < 2:
        pytest.skip("the library starts threads only where there are cores for them")
    with pytest.raises(SandboxError, match="one thread"):
        asyncio.run(talk())
    assert zygotes() == []


def test_libraries_are_there_before_the_program_asks(run_program):
    pytest.importorskip("numpy")
    outcome = run_program("import sys", ["'numpy' in sys.modules and 'sympy' in sys.modules"])
    assert decode_values(outcome.frames[0]) == [True]


def test_an_environment_without_libraries_serves_too(make_pool):
    async def talk():
        async with make_pool(without=()) as pool:
            return await pool.run(job("import sys", "'numpy' in sys.modules", "sys.prefix"))

    outcome = asyncio.run(talk())
    assert outcome.ending is Ending.COMPLETED
    found, prefix = decode_values(outcome.frames[0])
    assert found is False
    assert prefix != sys.prefix


def test_children_are_forks_of_a_process_that_stays_as_it_was(run_program):
    program = "import math, numpy as np, gc\nmath.pi = 3; np.bool = None; np.random.seed(1)"
    assert run_program(program, ["1"]).ending is Ending.COMPLETED
    outcome = run_program("import math, numpy as np", ["math.pi > 3", "np.bool is not None"])
    assert decode_values(outcome.frames[0]) == [True, True]


def test_leaving_a_pool_ends_its_zygote_and_removes_its_folder(
    make_pool, tmp_path, monkeypatch, zygotes
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    async def talk():
        async with make_pool() as pool:
            await pool.run(job(""))
            assert zygotes()
            assert list(tmp_path.iterdir())

    asyncio.run(talk())
    assert zygotes() == []
    assert list(tmp_path.iterdir()) == []


def test_no_room_for_the_sandboxs_files_is_our_error(bare_python):
    source = (
        "import asyncio, resource\n"
        "from tasks.sandbox.pool import SandboxPool\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "async def talk():\n"
        f"    async with SandboxPool(1, python={bare_python!r}): pass\n"
        "asyncio.run(talk())"
    )
    ran = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert "SandboxError" in ran.stderr
    assert "make room in the temporary folder" in ran.stderr


def test_two_hundred_jobs_leave_nothing_behind(make_pool, zygotes):
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    def zygotes_descriptors() -> int:
        return len(list(Path(f"/proc/{zygotes()[-1]}/fd").iterdir()))

    async def talk():
        async with make_pool(2, without=()) as pool:
            await pool.run(job(""))
            before = descriptors(), zygotes_descriptors(), len(zygotes())
            outcomes = await asyncio.gather(*(pool.run(job("x = 1", "x")) for _ in range(200)))
            assert {outcome.ending for outcome in outcomes} == {Ending.COMPLETED}
            assert (descriptors(), zygotes_descriptors(), len(zygotes())) == before

    asyncio.run(talk())
