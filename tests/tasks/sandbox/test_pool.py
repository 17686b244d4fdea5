"""Whatever a program does, the pool gets its answer in time and leaves no process behind."""

import asyncio
import dataclasses
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.core.errors import ConfigError, SandboxError
from tasks.core.records import ChildCase, Ending, Job, Limits
from tasks.sandbox.admission import Admission, Cost
from tasks.sandbox.blas_core import choose_blas_core
from tasks.sandbox.layers import Layer, Level
from tasks.sandbox.memory import is_refused_for_others
from tasks.sandbox.pool import SandboxPool
from tasks.sandbox.wire import decode_values

LIMITS = Limits(cpu_s=20.0, wall_s=60.0, memory_bytes=4 * 2**30, frame_bytes=2**20)
SHORT_CPU = dataclasses.replace(LIMITS, cpu_s=1.0)
SHORT_WALL = dataclasses.replace(LIMITS, wall_s=0.5)
# Far above what any of these takes, far below what waiting for a program would take.
SOON_S = 30.0
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # A dead orphan that nobody has reaped yet still has its id.
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return sys.platform != "linux"


def written(path: Path) -> bool:
    return path.exists() and path.read_text().endswith("\n")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not condition():  # noqa: ASYNC110 — another process sets no event here
            await asyncio.sleep(0.02)


async def until_gone(pid: int) -> None:
    await until(lambda: not is_running(pid))


async def until_written(path: Path) -> int:
    await until(lambda: written(path))
    return int(path.read_text())  # noqa: ASYNC240 — a few bytes


def job(program: str, *ships: str) -> Job:
    return Job(program, (ChildCase("", ships or ("1",)),))


def noting(path: Path, rest: str) -> Job:
    """A program that leaves its pid in a file and goes on."""
    return job(f"import os, time\nopen({str(path)!r}, 'w').write(f'{{os.getpid()}}\\n')\n{rest}")


CHANNEL = (
    "import os, stat\n"
    "def is_channel(n):\n"
    "    try: return n > 2 and stat.S_ISSOCK(os.fstat(n).st_mode)\n"
    "    except OSError: return False\n"
    "channel = next(n for n in range(64) if is_channel(n))\n"
)


def test_an_endless_loop_hits_the_cpu_limit(run_program):
    outcome = run_program("while True: pass", limits=SHORT_CPU)
    assert outcome.ending is Ending.TIMED_OUT
    assert outcome.detail == "CPU limit of 1 s reached"
    assert outcome.duration_s < SOON_S


def test_ignoring_the_cpu_limits_signal_gains_a_second(run_program):
    program = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    outcome = run_program(program, limits=SHORT_CPU)
    assert outcome.ending is Ending.TIMED_OUT
    assert outcome.duration_s < SOON_S


def test_a_sleeping_program_hits_the_wall_limit(run_program):
    program = "import sys, time\nprint('z' * 9, file=sys.stderr, flush=True)\ntime.sleep(900)"
    outcome = run_program(program, limits=SHORT_WALL)
    assert outcome.ending is Ending.TIMED_OUT
    assert outcome.detail == "wall clock limit of 0.5 s reached\nzzzzzzzzz"
    assert 0.5 <= outcome.duration_s < SOON_S


@pytest.mark.parametrize(
    ("program", "detail"),
    [
        ("import os; os._exit(0)", "exited without reporting (status 0)"),
        ("import os; os._exit(3)", "exited without reporting (status 3)"),
        ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL"),
        ("import os; os.kill(os.getpid(), 24)", "killed by SIGXCPU"),
        ("import os; os.kill(os.getpid(), 15)", "killed by SIGTERM"),
        ("import ctypes; ctypes.string_at(0)", "killed by SIGSEGV"),
        ("import os; os.write(2, b'last words'); os.abort()", "killed by SIGABRT\nlast words"),
    ],
)
def test_an_end_without_a_report_is_a_kill(run_program, program, detail):
    outcome = run_program(program, ["1"])
    assert outcome.ending is Ending.KILLED
    assert outcome.detail == detail
    assert outcome.frames == ()


def test_a_grandchild_that_holds_the_channel_holds_up_nothing(run_unconfined, tmp_path):
    program = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        f"    open({str(tmp_path / 'new')!r}, 'w').write(str(os.getpid()))\n"
        f"    os.rename({str(tmp_path / 'new')!r}, {str(tmp_path / 'pid')!r})\n"
        "    os.setsid(); time.sleep(900)\n"
        "os._exit(0)"
    )
    outcome = run_unconfined(program, ["1"])
    assert outcome.ending is Ending.KILLED
    assert outcome.duration_s < SOON_S
    grandchild = tmp_path / "pid"
    if grandchild.exists() and is_running(int(grandchild.read_text())):
        os.kill(int(grandchild.read_text()), 9)


def test_a_grandchild_of_the_same_session_is_killed(run_unconfined, tmp_path):
    path = tmp_path / "pid"
    program = (
        "import os, time\n"
        "pid = os.fork()\n"
        "if pid == 0: time.sleep(900)\n"
        f"open({str(path)!r}, 'w').write(str(pid))"
    )
    assert run_unconfined(program, ["1"]).ending is Ending.COMPLETED
    asyncio.run(until_gone(int(path.read_text())))


def test_floods_of_output_are_thrown_away(run_program):
    program = (
        "import os\n"
        "for n in range(3000):\n"
        "    os.write(1, b'o' * 10**5); os.write(2, b'e' * 10**4)\n"
        "os.write(2, b'the end'); os._exit(1)"
    )
    outcome = run_program(program, ["1"])
    assert outcome.ending is Ending.KILLED
    assert len(outcome.detail) == 2000
    assert outcome.detail.startswith("exited without reporting (status 1)\neee")
    assert outcome.detail.endswith("eee" + "the end")


@pytest.mark.parametrize(
    ("speech", "ending"),
    [
        ("b'no protocol at all'", Ending.GARBLED),
        ("os.urandom(10**6)", Ending.GARBLED),
        ("b'S' + (2).to_bytes(8, 'big') + b'[]'", Ending.GARBLED),
        ("b'E' + (16).to_bytes(8, 'big') + b'[\"completed\", \"\"]'", Ending.GARBLED),
        ("b'F' + (2**63).to_bytes(8, 'big')", Ending.OVERSIZED),
        ("b'F' + (2**20 + 1).to_bytes(8, 'big')", Ending.OVERSIZED),
        ("b'F' + bytes(8) + b'F' + bytes(8)", Ending.GARBLED),
    ],
)
def test_forged_messages_hurt_only_the_program(run_program, speech, ending):
    program = f"{CHANNEL}os.write(channel, {speech})\nimport time\ntime.sleep(900)"
    outcome = run_program(program, ["1"])
    assert outcome.ending is ending
    assert outcome.duration_s < SOON_S


def test_half_a_frame_is_waited_for_within_the_limits(run_program):
    half = f"{CHANNEL}os.write(channel, b'F' + (99).to_bytes(8, 'big') + b'half')\n"
    outcome = run_program(half + "import time\ntime.sleep(900)", ["1"], limits=SHORT_WALL)
    assert outcome.ending is Ending.TIMED_OUT
    outcome = run_program(half + "os._exit(0)", ["1"])
    assert outcome.ending is Ending.KILLED
    assert "in the middle of a message" in outcome.detail
    assert outcome.frames == ()


def test_a_program_that_closes_the_channel_is_a_kill(run_program):
    outcome = run_program("import os\nos.closerange(3, 256)", ["1"])
    assert outcome.ending is Ending.KILLED


def test_the_evaluators_environment_does_not_reach_the_program(make_pool, monkeypatch):
    monkeypatch.setenv("SCICODE_SECRET_KEY", "hidden")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")

    async def talk():
        async with make_pool(without=()) as pool:
            names = ("sorted(os.environ)", "os.environ['OMP_NUM_THREADS']")
            return pool.blas_core, await pool.run(job("import os", *names))

    core, outcome = asyncio.run(talk())
    assert outcome.ending is Ending.COMPLETED
    names, threads = decode_values(outcome.frames[0])
    assert names == [
        "HOME",
        "LANG",
        "MKL_NUM_THREADS",
        "MPLBACKEND",
        "MPLCONFIGDIR",
        "OMP_NUM_THREADS",
        *([] if core is None else ["OPENBLAS_CORETYPE"]),
        "OPENBLAS_NUM_THREADS",
        "PATH",
        "TMPDIR",
    ]
    assert threads == "1"


def test_extra_variables_reach_the_program(make_pool):
    async def talk():
        extra = {"OPENBLAS_CORETYPE": "Haswell"}
        async with make_pool(extra_environment=extra) as pool:
            return await pool.run(job("import os", "os.environ['OPENBLAS_CORETYPE']"))

    assert decode_values(asyncio.run(talk()).frames[0]) == ["Haswell"]


@ON_LINUX
def test_the_program_holds_no_descriptor_but_its_own(run_program):
    with Path("/dev/null").open() as held:
        os.set_inheritable(held.fileno(), True)  # noqa: FBT003 — takes it by position only
        outcome = run_program("import os", ["len(os.listdir('/proc/self/fd'))"])
    # Standard streams, the channel, and the directory being listed: 5.
    assert decode_values(outcome.frames[0]) == [5]


@pytest.mark.parametrize(
    "mess",
    [
        "os.makedirs('a/b'); os.chmod('a/b', 0); os.chmod('a', 0); os.chmod('.', 0)",
        "[(os.mkdir('d'), os.chdir('d')) for _ in range(1500)]",
    ],
)
def test_a_folder_that_can_be_written_is_removed_with_whatever_is_in_it(run_unconfined, mess):
    program = f"import os\nhome = os.getcwd()\n{mess}"
    outcome = run_unconfined(program, ["home", "os.environ['HOME']", "os.environ['TMPDIR']"])
    assert outcome.ending is Ending.COMPLETED, outcome.detail
    home, *named = decode_values(outcome.frames[0])
    assert named == [home, home]
    assert not Path(str(home)).exists()


def test_cancelling_a_call_kills_its_child(make_pool, tmp_path):
    async def talk():
        async with make_pool() as pool:
            call = asyncio.create_task(pool.run(noting(tmp_path / "pid", "time.sleep(900)")))
            pid = await until_written(tmp_path / "pid")
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            # Reaped, not only dead: the id is free.
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
            return await pool.run(job(""))

    assert asyncio.run(talk()).ending is Ending.COMPLETED


def test_leaving_the_pool_kills_every_child(make_pool, tmp_path):
    async def talk():
        paths = [tmp_path / "one", tmp_path / "two"]
        async with make_pool(2) as pool:
            jobs = [*(noting(path, "time.sleep(900)") for path in paths), job("")]
            calls = [asyncio.create_task(pool.run(each)) for each in jobs]
            pids = [await until_written(path) for path in paths]
        for call in calls:
            with pytest.raises(SandboxError, match="pool was closed"):
                await call
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
        with pytest.raises(SandboxError, match="not open"):
            await pool.run(job(""))

    asyncio.run(talk())


def test_two_workers_run_two_children_and_never_three(make_pool, tmp_path):
    async def talk():
        async with make_pool(2) as pool:
            go = tmp_path / "go"
            wait = f"while not os.path.exists({str(go)!r}): time.sleep(0.01)"
            paths = [tmp_path / name for name in "abc"]
            calls = [asyncio.create_task(pool.run(noting(path, wait))) for path in paths]
            await until_written(paths[0])
            await until_written(paths[1])
            await asyncio.sleep(0.3)  # time for a third to show itself
            assert not paths[2].exists()
            go.touch()
            return await asyncio.gather(*calls)

    assert [outcome.ending for outcome in asyncio.run(talk())] == [Ending.COMPLETED] * 3


def test_jobs_get_their_own_answers_when_many_run(make_pool):
    async def talk():
        async with make_pool(2) as pool:
            calls = [pool.run(job(f"n = {n}", "n")) for n in range(12)]
            return await asyncio.gather(*calls)

    answers = [decode_values(outcome.frames[0]) for outcome in asyncio.run(talk())]
    assert answers == [[n] for n in range(12)]


def test_jobs_begin_in_the_order_of_their_calls(make_pool, tmp_path):
    log = tmp_path / "log"

    async def talk():
        async with make_pool() as pool:
            programs = [f"open({str(log)!r}, 'a').write('{n} ')" for n in range(5)]
            calls = [asyncio.create_task(pool.run(job(program))) for program in programs]
            await asyncio.sleep(0)
            calls[2].cancel()
            return await asyncio.gather(*calls, return_exceptions=True)

    assert isinstance(asyncio.run(talk())[2], asyncio.CancelledError)
    assert log.read_text() == "0 1 3 4 "


@ON_LINUX
def test_twenty_failures_leave_nothing_behind(make_pool):
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    async def talk():
        programs = [
            "1 / 0",
            "import os; os._exit(0)",
            CHANNEL + "os.write(channel, b'x' * 99)",
            "(",
        ]
        async with make_pool(2) as pool:
            await pool.run(job(""))
            before = descriptors()
            outcomes = await asyncio.gather(*(pool.run(job(text)) for text in programs * 5))
            assert descriptors() == before
            assert Ending.COMPLETED not in {outcome.ending for outcome in outcomes}
            return await pool.run(job("", "6 * 7"))

    assert decode_values(asyncio.run(talk()).frames[0]) == [42]


def test_a_job_may_have_limits_of_its_own(make_pool):
    async def talk():
        async with make_pool() as pool:
            return await pool.run(job("import time; time.sleep(900)"), SHORT_WALL)

    assert asyncio.run(talk()).ending is Ending.TIMED_OUT


@pytest.mark.parametrize("python", ["/nonexistent/python", "/bin/false", "/bin/cat"])
def test_an_interpreter_that_cannot_run_the_child_is_our_error(python):
    if python != "/nonexistent/python" and not Path(python).exists():
        pytest.skip(f"no {python} here")

    async def talk():
        async with SandboxPool(1, LIMITS, python=python) as pool:
            await pool.run(job(""))

    with pytest.raises(SandboxError, match=r"version 3\.11"):
        asyncio.run(talk())


@pytest.mark.parametrize(
    "case",
    [ChildCase("x = = 1", ()), ChildCase("", ("1 +",))],
)
def test_a_case_that_does_not_compile_is_our_error(make_pool, case):
    async def talk():
        async with make_pool() as pool:
            await pool.run(Job("", (case,)))

    with pytest.raises(SandboxError, match="SyntaxError"):
        asyncio.run(talk())


def test_a_pool_needs_a_worker():
    with pytest.raises(ConfigError, match="at least 1"):
        SandboxPool(0, LIMITS)


def test_a_pool_below_the_required_level_does_not_open(make_pool):
    async def talk(required, without):
        async with make_pool(required=required, without=without):
            pass

    with pytest.raises(SandboxError, match="isolation strong was required, found") as caught:
        asyncio.run(talk(Level.STRONG, (Layer.LANDLOCK,)))
    # What is missing, and what would raise the level.
    assert "missing landlock" in str(caught.value)
    assert "lsm=" in str(caught.value)
    with pytest.raises(SandboxError, match="isolation any was required, found isolation none"):
        asyncio.run(talk(Level.ANY, (Layer.LANDLOCK, Layer.SECCOMP)))
    with pytest.raises(SandboxError, match="isolation full was required, found isolation strong"):
        asyncio.run(talk(Level.FULL, (Layer.USER_NS,)))


def test_strong_is_required_unless_the_caller_says_less(bare_python):
    async def talk():
        async with SandboxPool(1, python=bare_python, without=(Layer.SECCOMP,)):
            pass

    with pytest.raises(SandboxError, match="isolation strong was required"):
        asyncio.run(talk())


def test_a_pool_remembers_what_jobs_with_a_key_took(make_pool):
    async def talk():
        known = {"old": Cost(5.0, 2**30)}
        async with make_pool(costs=known) as pool:
            await pool.run(job("x = bytearray(100 * 2**20)"), key="10.11")
            await pool.run(job("1 / 0"), key="raised")
            await pool.run(job("x = 1"))
            return pool.costs

    costs = asyncio.run(talk())
    assert set(costs) == {"old", "10.11"}
    assert costs["old"] == Cost(5.0, 2**30)
    # Half a GiB would be another program's.
    assert 100 * 2**20 <= costs["10.11"].peak_bytes < 512 * 2**20
    assert 0 < costs["10.11"].duration_s < SOON_S


def test_a_pool_forgets_by_and_by_what_one_job_took(make_pool):
    async def talk():
        async with make_pool(costs={"1.1": Cost(1600.0, 16 * 2**30)}) as pool:
            await pool.run(job("x = 1"), key="1.1")
            return pool.costs["1.1"]

    cost = asyncio.run(talk())
    # 15/16 of the excess are left, besides what the job took itself.
    assert 1500 <= cost.duration_s < 1500 + SOON_S
    assert 15 * 2**30 <= cost.peak_bytes < 15.1 * 2**30


def test_jobs_that_need_all_memory_run_one_after_another(make_pool, tmp_path):
    log = tmp_path / "log"
    note = f"open({str(log)!r}, 'a').write"
    program = f"import time\n{note}('in ')\ntime.sleep(0.1)\n{note}('out ')"

    async def talk():
        costs = {"big": Cost(1.0, 3 * 2**30)}
        async with make_pool(2, costs=costs, memory_bytes=4 * 2**30) as pool:
            await asyncio.gather(*(pool.run(job(program), key="big") for _ in range(3)))

    asyncio.run(talk())
    assert log.read_text().split() == ["in", "out"] * 3


def test_pools_that_share_an_admission_have_no_more_children_together(make_pool, tmp_path):
    log = tmp_path / "log"
    note = f"open({str(log)!r}, 'a').write"
    program = f"import time\n{note}('in ')\ntime.sleep(0.1)\n{note}('out ')"

    async def talk():
        shared = Admission(1, 2**40)
        async with (
            make_pool(4, admission=shared) as one,
            make_pool(4, admission=shared) as other,
        ):
            await asyncio.gather(*(pool.run(job(program)) for pool in (one, other) * 3))

    asyncio.run(talk())
    assert log.read_text().split() == ["in", "out"] * 6


def test_a_pool_that_shares_an_admission_opens_in_its_turn(make_pool, tmp_path):
    async def talk():
        shared = Admission(1, 2**40)
        async with make_pool(admission=shared) as one:
            long = asyncio.create_task(one.run(noting(tmp_path / "pid", "time.sleep(900)")))
            await until_written(tmp_path / "pid")
            opening = asyncio.create_task(make_pool(admission=shared).__aenter__())
            await asyncio.sleep(0.5)
            assert not opening.done()
            long.cancel()
            other = await asyncio.wait_for(opening, SOON_S)
            outcome = await other.run(job(""))
            await other.__aexit__(None, None, None)
            return outcome

    assert asyncio.run(talk()).ending is Ending.COMPLETED


def test_what_openblas_computes_for_is_pinned_and_can_be_chosen(make_pool):
    async def talk(**settings):
        async with make_pool(**settings) as pool:
            outcome = await pool.run(job("import os", "os.environ.get('OPENBLAS_CORETYPE')"))
            return pool.blas_core, decode_values(outcome.frames[0])[0]

    assert asyncio.run(talk()) == (choose_blas_core(platform.machine()),) * 2
    chosen = {"OPENBLAS_CORETYPE": "Nehalem"}
    assert asyncio.run(talk(extra_environment=chosen)) == ("Nehalem", "Nehalem")


def test_known_long_jobs_begin_first(make_pool, tmp_path):
    log = tmp_path / "log"

    async def talk():
        costs = {"1": Cost(1.0, 1), "2": Cost(2.0, 1), "3": Cost(3.0, 1)}
        async with make_pool(costs=costs) as pool:
            programs = {name: f"open({str(log)!r}, 'a').write('{name} ')" for name in "0123"}
            await asyncio.gather(*(pool.run(job(text), key=k) for k, text in programs.items()))

    asyncio.run(talk())
    # The first takes the free place; the others go by what they took before.
    assert log.read_text() == "0 3 2 1 "


def twice(path: Path, name: str, first: str) -> Job:
    """A program that notes its runs, and of which only the first does something special."""
    return job(
        "import os, time\n"
        f"def note(word):\n    with open({str(path)!r}, 'a') as file: file.write(word + ' ')\n"
        f"is_first = {name!r} not in (open({str(path)!r}).read() if os.path.exists({str(path)!r}) "
        "else '')\n"
        f"note({name!r})\n"
        f"if is_first:\n    {first}\n"
        f"note('/{name}')",
        "7",
    )


def until_exists(path: Path) -> str:
    return f"while not os.path.exists({str(path)!r}): time.sleep(0.01)"


def test_a_job_killed_beside_another_runs_again_alone_and_that_counts(make_pool, tmp_path):
    log, go, pid = tmp_path / "log", tmp_path / "go", tmp_path / "pid"
    leave_pid = f"open({str(pid)!r}, 'w').write(f'{{os.getpid()}}\\n'); time.sleep(900)"

    async def talk():
        async with make_pool(2, memory_bytes=4 * 2**30) as pool:
            beside = asyncio.create_task(pool.run(twice(log, "beside", until_exists(go))))
            await until(lambda: log.exists() and "beside" in log.read_text())
            victim = asyncio.create_task(pool.run(twice(log, "victim", leave_pid), key="1.1"))
            first = await until_written(pid)
            os.kill(first, 9)
            await until_gone(first)
            await asyncio.sleep(0.3)  # time for it to begin again too early
            late = asyncio.create_task(pool.run(twice(log, "late", "pass")))
            await asyncio.sleep(0.1)
            go.touch()
            return await asyncio.gather(beside, victim, late), pool.costs

    outcomes, costs = asyncio.run(talk())
    assert [outcome.ending for outcome in outcomes] == [Ending.COMPLETED] * 3
    assert decode_values(outcomes[1].frames[0]) == [7]
    assert log.read_text() == "beside victim /beside victim /victim late /late "
    assert set(costs) == {"1.1"}


def test_a_job_killed_with_nobody_beside_it_is_killed(make_pool, tmp_path):
    log, pid = tmp_path / "log", tmp_path / "pid"
    leave_pid = f"open({str(pid)!r}, 'w').write(f'{{os.getpid()}}\\n'); time.sleep(900)"

    async def talk():
        async with make_pool(2) as pool:
            call = asyncio.create_task(pool.run(twice(log, "victim", leave_pid)))
            os.kill(await until_written(pid), 9)
            return await call

    outcome = asyncio.run(talk())
    assert (outcome.ending, outcome.signal) == (Ending.KILLED, 9)
    assert log.read_text() == "victim "


@pytest.mark.parametrize(
    ("end", "ending", "runs"),
    [
        ("os.kill(os.getpid(), 9)", Ending.KILLED, 2),
        ("os.kill(os.getpid(), 15)", Ending.KILLED, 1),
        ("os._exit(1)", Ending.KILLED, 1),
        ("1 / 0", Ending.RAISED, 1),
        ("bytearray(2**50)", Ending.OUT_OF_MEMORY, 1),
    ],
)
def test_only_an_end_that_others_may_have_caused_is_doubted(make_pool, tmp_path, end, ending, runs):
    if ending is Ending.OUT_OF_MEMORY and is_refused_for_others():
        pytest.skip("this system refuses memory for others' sake")
    log, go, tried = tmp_path / "log", tmp_path / "go", tmp_path / "tried"
    program = f"import os\nopen({str(tried)!r}, 'a').write('x')\n{end}"

    async def talk():
        async with make_pool(2) as pool:
            beside = asyncio.create_task(pool.run(twice(log, "beside", until_exists(go))))
            await until(log.exists)
            call = asyncio.create_task(pool.run(job(program)))
            await until(tried.exists)
            await asyncio.sleep(0.2)  # time to end
            go.touch()
            await beside
            return await call

    assert asyncio.run(talk()).ending is ending
    assert len(tried.read_text()) == runs


def test_ten_gigabytes_of_output_are_thrown_away(make_pool):
    program = "import os\nb = bytes(2**24)\nfor _ in range(640): os.write(1, b)"

    async def talk():
        async with make_pool() as pool:
            return await pool.run(job(program))

    assert asyncio.run(talk()).ending is Ending.COMPLETED


def test_a_gigabyte_of_errors_leaves_its_last_words(run_program):
    program = (
        "import os\nb = b'e' * 2**24\nn = 0\nwhile n < 2**30: n += os.write(2, b)\nos._exit(1)"
    )
    outcome = run_program(program, ["1"])
    assert outcome.ending is Ending.KILLED
    assert len(outcome.detail) == 2000
    assert outcome.duration_s < SOON_S
