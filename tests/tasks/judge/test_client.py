"""The evaluator gets its answer whatever the values do to the judge, and only then a verdict."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tasks.core.errors import SandboxError
from tasks.core.judging import Judgement
from tasks.core.records import Reason
from tasks.judge.client import Judge

CASES = ["assert f(1) == target", "assert f(2) == target"]
# A power of a billion bits and more.
ENDLESS = ["assert (f(1) ** g(1) > 0) == target"]
FOR_EVER = [10**9, 10**9]
SHORT_S = 0.5
SOON_S = 30.0
PASSED = Judgement(Reason.PASSED)


def judges_of(parent: int) -> list[int]:
    command = ["ps", "-A", "-o", "pid=,ppid=,stat=,args="]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [line.split(None, 3) for line in lines]
    return [
        int(pid)
        for pid, ppid, state, arguments in rows
        if "tasks.judge.process" in arguments and int(ppid) == parent and state[0] != "Z"
    ]


def is_running(pid: int) -> bool:
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    state = done.stdout.strip()
    return bool(state) and not state.startswith("Z")


def test_each_of_many_requests_at_once_gets_its_own_answer(targets, request_for):
    async def talk():
        async with Judge(targets) as judge:
            requests = [request_for("1.1", CASES, [6.0], [float(n)]) for n in (11, 12, 13)]
            return await asyncio.gather(*map(judge.judge, requests))

    answers = asyncio.run(talk())
    assert [answer.reason is Reason.PASSED for answer in answers] == [False, True, False]
    assert answers[0].detail == "case 2 does not hold: f(2) == target; found 11.0"


def test_a_judge_leaves_with_the_evaluation(targets):
    async def talk():
        async with Judge(targets):
            return judges_of(os.getpid())

    (pid,) = asyncio.run(talk())
    assert not is_running(pid)


def test_a_judge_killed_from_outside_is_started_anew(targets, request_for):
    async def talk():
        async with Judge(targets) as judge:
            (before,) = judges_of(os.getpid())
            os.kill(before, signal.SIGKILL)
            answer = await judge.judge(request_for("1.2", CASES[:1], [True]))
            return before, judges_of(os.getpid()), answer

    before, after, answer = asyncio.run(talk())
    assert answer == PASSED
    assert len(after) == 1
    assert before not in after


def test_a_comparison_without_end_is_a_bad_value_and_the_next_request_is_served(
    targets, request_for
):
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.05)

    async def talk():
        async with Judge(targets, comparison_s=SHORT_S) as judge:
            ticking = asyncio.create_task(tick())
            bomb = await judge.judge(request_for("1.2", ENDLESS, FOR_EVER))
            ticking.cancel()
        async with Judge(targets) as judge:
            return bomb, await judge.judge(request_for("1.2", CASES[:1], [True]))

    bomb, after = asyncio.run(talk())
    assert bomb == Judgement(Reason.BAD_VALUE, "the comparison did not end within 0.5 s")
    assert after == PASSED
    assert ticks > 2


def test_a_comparison_without_end_does_not_hold_up_others(targets, request_for):
    async def talk():
        async with Judge(targets, comparison_s=SOON_S) as judge:
            bomb = asyncio.create_task(judge.judge(request_for("1.2", ENDLESS, FOR_EVER)))
            await asyncio.sleep(0.1)
            answers = [await judge.judge(request_for("1.2", CASES[:1], [True])) for _ in range(3)]
            still_running = not bomb.done()
            bomb.cancel()
            await asyncio.wait([bomb])
            return answers, still_running

    answers, still_running = asyncio.run(talk())
    assert answers == [PASSED] * 3
    assert still_running


def test_one_process_is_enough_for_ordinary_comparisons(targets, request_for):
    async def talk():
        async with Judge(targets) as judge:
            requests = [request_for("1.2", CASES[:1], [True]) for _ in range(20)]
            answers = await asyncio.gather(*map(judge.judge, requests))
            return answers, judges_of(os.getpid())

    answers, pids = asyncio.run(talk())
    assert answers == [PASSED] * 20
    assert len(pids) == 1


@pytest.mark.parametrize(
    ("case", "values"),
    [
        # 1e12 elements; the same for numbers that a range stands for.
        (
            "assert (f(1) == g(1)).all() == target",
            [np.zeros((10**6, 1)), np.zeros((1, 10**6))],
        ),
        ("assert np.allclose(f(1), target)", [range(10**12)]),
        ("assert len(f(1) * g(1)) == target", ["x" * 1000, 10**12]),
    ],
)
def test_values_that_grow_beyond_the_memory_pass_nothing(targets, request_for, case, values):
    async def talk():
        async with Judge(targets, comparison_s=SOON_S) as judge:
            bomb = await judge.judge(request_for("1.2", [case], values))
            return bomb, await judge.judge(request_for("1.2", CASES[:1], [True]))

    bomb, after = asyncio.run(talk())
    assert bomb.reason is Reason.BAD_VALUE
    assert after == PASSED


def test_a_cancelled_request_leaves_no_answer_for_the_next(targets, request_for):
    async def talk():
        async with Judge(targets) as judge:
            bomb = asyncio.create_task(judge.judge(request_for("1.2", ENDLESS, FOR_EVER)))
            await asyncio.sleep(SHORT_S)
            bomb.cancel()
            with suppress(asyncio.CancelledError):
                await bomb
            return await judge.judge(request_for("1.1", CASES, [6.0], [0.0]))

    assert asyncio.run(talk()).detail == "case 2 does not hold: f(2) == target; found 0.0"


@pytest.mark.parametrize("content", [None, b"", b"no HDF5 file"])
def test_targets_that_cannot_be_read_stop_the_evaluation_at_its_start(tmp_path, content):
    path = tmp_path / "targets.h5"
    if content is not None:
        path.write_bytes(content)

    async def talk():
        async with Judge(path):
            pass

    with pytest.raises(SandboxError, match=r"the judge cannot start: .*targets\.h5"):
        asyncio.run(talk())


def test_a_missing_target_is_an_error_and_no_verdict(targets, request_for):
    async def talk(step_id):
        async with Judge(targets) as judge:
            await judge.judge(request_for(step_id, CASES[:1], [1.0]))

    with pytest.raises(SandboxError, match=r"cannot judge sub-step 9\.9: .*9\.9/test1"):
        asyncio.run(talk("9.9"))
    with pytest.raises(SandboxError, match=r"cannot judge sub-step 1\.3: expected a target"):
        asyncio.run(talk("1.3"))


def test_a_judge_that_cannot_be_started_anew_is_an_error_and_no_verdict(targets, request_for):
    async def talk():
        async with Judge(targets) as judge:
            targets.unlink()
            (pid,) = judges_of(os.getpid())
            os.kill(pid, signal.SIGKILL)
            await judge.judge(request_for("1.2", CASES[:1], [True]))

    with pytest.raises(SandboxError, match="the judge cannot start"):
        asyncio.run(talk())


EVALUATOR = """
import asyncio, sys
from pathlib import Path
from tasks.core.records import Ending
from tasks.core.splitting.split import split_cases
from tasks.judge.client import Judge
from tasks.judge.messages import Request
from tasks.sandbox.wire import encode_values

async def main():
    parts = tuple(part.judge for part in split_cases("1.2", [sys.argv[2]]))
    frame = encode_values([10**9, 10**9], 1000)
    async with Judge(Path(sys.argv[1])) as judge:
        print("ready", flush=True)
        await judge.judge(Request("1.2", parts, Ending.COMPLETED, "", (frame,)))

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_a_judge_does_not_outlive_an_evaluator_killed_in_the_middle_of_a_comparison(targets):
    command = [sys.executable, "-c", EVALUATOR, str(targets), ENDLESS[0]]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as evaluator:
        assert evaluator.stdout is not None
        assert evaluator.stdout.readline() == "ready\n"
        time.sleep(SHORT_S)
        (pid,) = judges_of(evaluator.pid)
        evaluator.kill()
    deadline = time.monotonic() + SOON_S
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(pid)
