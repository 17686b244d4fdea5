"""Jobs start when there is room for them, the longest first, and none is forgotten."""

import asyncio
from collections.abc import Awaitable

import pytest

from tasks.sandbox.admission import ALONE, DEFAULT_PEAK_BYTES, Admission, Cost, greater, revise

GIB = 2**30


class Scene:
    """Jobs that end when they are told to, and the order in which they began."""

    def __init__(self, places: int, memory_bytes: int = 64 * GIB) -> None:
        self.began: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.company: dict[str, bool] = {}
        self._admission = Admission(places, memory_bytes)
        self._ends: dict[str, asyncio.Event] = {}

    async def bring(self, name: str, cost: Cost | None = None) -> None:
        self._ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._job(name, cost))
        await self._calm()

    async def end(self, *names: str) -> None:
        for name in names:
            self._ends[name].set()
            await self._calm()

    async def cancel(self, name: str) -> None:
        self.tasks[name].cancel()
        await asyncio.wait([self.tasks[name]])
        await self._calm()

    async def _job(self, name: str, cost: Cost | None) -> None:
        async with self._admission.admit(cost) as stay:
            self.began.append(name)
            await self._ends[name].wait()
            self.company[name] = stay.had_company

    async def _calm(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


def play(story: Awaitable[None]) -> None:
    asyncio.run(story)


def test_no_more_jobs_run_than_there_are_places():
    async def story():
        scene = Scene(2)
        for name in "abc":
            await scene.bring(name)
        assert scene.began == ["a", "b"]
        await scene.end("b")
        assert scene.began == ["a", "b", "c"]
        await scene.end("a", "c")

    play(story())


def test_the_longest_goes_first_and_the_unknown_before_it():
    async def story():
        scene = Scene(1)
        await scene.bring("first")
        await scene.bring("short", Cost(1.0, GIB))
        await scene.bring("long", Cost(9.0, GIB))
        await scene.bring("unknown")
        await scene.bring("also long", Cost(9.0, GIB))
        await scene.end("first", "unknown", "long", "also long", "short")
        assert scene.began == ["first", "unknown", "long", "also long", "short"]

    play(story())


def test_a_job_waits_for_its_memory_and_keeps_its_turn():
    async def story():
        scene = Scene(4, memory_bytes=4 * GIB)
        await scene.bring("three", Cost(9.0, 3 * GIB))
        await scene.bring("two", Cost(8.0, 2 * GIB))
        await scene.bring("half", Cost(1.0, GIB // 2))
        assert scene.began == ["three"]
        await scene.end("three")
        assert scene.began == ["three", "two", "half"]
        await scene.end("two", "half")

    play(story())


def test_a_job_beyond_all_memory_runs_alone():
    async def story():
        scene = Scene(4, memory_bytes=GIB)
        await scene.bring("huge", Cost(9.0, 5 * GIB))
        await scene.bring("small", Cost(1.0, 1))
        assert scene.began == ["huge"]
        await scene.end("huge")
        assert scene.began == ["huge", "small"]
        await scene.bring("huger", Cost(9.0, 9 * GIB))
        assert scene.began == ["huge", "small"]
        await scene.end("small", "huger")
        assert scene.began == ["huge", "small", "huger"]

    play(story())


def test_nothing_is_known_of_a_job_means_a_modest_share():
    async def story():
        scene = Scene(9, memory_bytes=2 * DEFAULT_PEAK_BYTES)
        for name in "abc":
            await scene.bring(name)
        assert scene.began == ["a", "b"]
        await scene.end("a", "b", "c")

    play(story())


@pytest.mark.parametrize("name", ["running", "waiting"])
def test_a_cancelled_job_leaves_its_place_to_the_next(name):
    async def story():
        scene = Scene(1)
        await scene.bring("running")
        await scene.bring("waiting")
        await scene.bring("next")
        await scene.cancel(name)
        await scene.end("running", "waiting")
        assert scene.began[-1] == "next"
        await scene.end("next")
        await scene.bring("last")
        assert scene.began[-1] == "last"
        await scene.end("last")

    play(story())


def test_a_job_cancelled_at_the_moment_of_its_turn_gives_it_back():
    async def story():
        scene = Scene(1)
        await scene.bring("running")
        await scene.bring("waiting")
        scene.tasks["running"].add_done_callback(lambda _: scene.tasks["waiting"].cancel())
        await scene.bring("next")
        await scene.end("running")
        assert scene.began[-1] == "next"
        await scene.end("next")

    play(story())


def test_a_job_alone_waits_for_everybody_and_keeps_everybody_out():
    async def story():
        scene = Scene(4)
        await scene.bring("a", Cost(1.0, 0))
        await scene.bring("alone", ALONE)
        await scene.bring("b", Cost(9.0, 0))
        assert scene.began == ["a"]
        await scene.end("a")
        assert scene.began == ["a", "alone"]
        await scene.end("alone")
        assert scene.began == ["a", "alone", "b"]
        await scene.end("b")
        assert scene.company == {"a": False, "alone": False, "b": False}

    play(story())


def test_jobs_that_were_inside_together_at_any_moment_had_company():
    async def story():
        scene = Scene(2)
        await scene.bring("long")
        await scene.bring("short")
        await scene.end("short")
        await scene.end("long")
        await scene.bring("later")
        await scene.end("later")
        assert scene.company == {"short": True, "long": True, "later": False}

    play(story())


def test_what_is_known_rises_at_once_and_falls_by_a_sixteenth():
    assert revise(None, Cost(2.0, 100)) == Cost(2.0, 100)
    assert revise(Cost(2.0, 100), Cost(18.0, 1700)) == Cost(18.0, 1700)
    # 18 - 16/16 = 17, and 1700 - 1600/16 = 1600.
    assert revise(Cost(18.0, 1700), Cost(2.0, 100)) == Cost(17.0, 1600)
    assert revise(Cost(18.0, 100), Cost(2.0, 1700)) == Cost(17.0, 1700)
    assert revise(Cost(2.0, 100), Cost(2.0, 100)) == Cost(2.0, 100)


def test_one_greedy_job_is_half_forgotten_after_eleven_ordinary_ones():
    cost = Cost(1601.0, 8 * GIB)
    for _ in range(11):
        cost = revise(cost, Cost(1.0, 0))
    # (15/16)^11 = 0.492
    assert 0.49 < cost.peak_bytes / (8 * GIB) < 0.5
    assert 0.49 < (cost.duration_s - 1.0) / 1600 < 0.5


def test_the_greater_cost_is_taken_part_by_part():
    assert greater(Cost(1.0, 9), Cost(2.0, 8)) == Cost(2.0, 9)
