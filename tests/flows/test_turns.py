"""Problems get their turn in order, and as soon as the endpoint would run out of chains."""

import asyncio

import pytest

from flows.turns import ENTERING, Turns


class Course:
    """Problems that take turns; each stays until it is told that its chains are written."""

    def __init__(self, turns: Turns, *, begins: bool = True) -> None:
        self.turns = turns
        self.begins = begins
        self.entered: list[str] = []
        self.closed: dict[str, asyncio.Event] = {}
        self.tasks: list[asyncio.Task[None]] = []

    async def begin(self, problem_id: str, chains: int) -> None:
        self.closed[problem_id] = asyncio.Event()
        self.tasks.append(asyncio.create_task(self._run(problem_id, chains)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def written(self, problem_id: str) -> None:
        self.turns.leave(problem_id)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def end(self) -> None:
        for event in self.closed.values():
            event.set()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _run(self, problem_id: str, chains: int) -> None:
        async with self.turns.turn(problem_id, chains):
            self.entered.append(problem_id)
            if self.begins:
                self.turns.begin(problem_id)
            await self.closed[problem_id].wait()


def test_a_problem_enters_while_there_are_fewer_chains_than_slots() -> None:
    async def run() -> list[list[str]]:
        course, seen = Course(Turns(slots=4)), list[list[str]]()
        for problem_id in ("1", "2", "3"):
            await course.begin(problem_id, 3)
        # 3 chains leave one slot empty; with 6 there is none.
        seen.append(list(course.entered))
        await course.written("1")
        await course.written("1")
        seen.append(list(course.entered))
        await course.written("1")
        seen.append(list(course.entered))
        await course.end()
        return seen

    assert asyncio.run(run()) == [["1", "2"], ["1", "2"], ["1", "2", "3"]]


def test_a_problem_that_is_written_makes_room_though_it_is_still_verified() -> None:
    async def run() -> list[str]:
        course = Course(Turns(slots=1))
        await course.begin("1", 1)
        await course.begin("2", 1)
        await course.written("1")
        await course.written("1")
        await course.written("unknown")
        entered = list(course.entered)
        await course.end()
        return entered

    assert asyncio.run(run()) == ["1", "2"]


def test_problems_at_once_can_be_limited() -> None:
    async def run() -> list[str]:
        course = Course(Turns(slots=16, problems=2))
        for problem_id in ("1", "2", "3"):
            await course.begin(problem_id, 1)
        entered = list(course.entered)
        await course.end()
        return entered

    assert asyncio.run(run()) == ["1", "2"]


def test_one_that_fails_or_gives_up_makes_room() -> None:
    async def run() -> list[str]:
        course = Course(Turns(slots=1))
        for problem_id in ("1", "2", "3"):
            await course.begin(problem_id, 1)
        course.tasks[1].cancel()
        course.tasks[0].cancel()
        await asyncio.gather(*course.tasks[:2], return_exceptions=True)
        await asyncio.sleep(0)
        entered = list(course.entered)
        await course.end()
        return entered

    assert asyncio.run(run()) == ["1", "3"]


def test_few_enter_at_once_and_the_next_when_one_has_begun() -> None:
    async def run() -> list[list[str]]:
        course, seen = Course(Turns(slots=16), begins=False), list[list[str]]()
        for problem_id in ("1", "2", "3", "4", "5", "6"):
            await course.begin(problem_id, 1)
        seen.append(list(course.entered))
        course.turns.begin("2")
        course.turns.begin("2")
        await asyncio.sleep(0)
        seen.append(list(course.entered))
        # One that fails before it has begun makes room too.
        course.tasks[0].cancel()
        await asyncio.gather(course.tasks[0], return_exceptions=True)
        await asyncio.sleep(0)
        seen.append(list(course.entered))
        await course.end()
        return seen

    assert ENTERING == 4
    first = ["1", "2", "3", "4"]
    assert asyncio.run(run()) == [first, [*first, "5"], [*first, "5", "6"]]


def test_who_is_still_entering_takes_no_slot() -> None:
    async def run() -> list[list[str]]:
        course, seen = Course(Turns(slots=2), begins=False), list[list[str]]()
        for problem_id in ("1", "2", "3"):
            await course.begin(problem_id, 2)
        seen.append(list(course.entered))
        course.turns.begin("1")
        await course.begin("4", 2)
        seen.append(list(course.entered))
        await course.end()
        return seen

    assert asyncio.run(run()) == [["1", "2", "3"], ["1", "2", "3"]]


@pytest.mark.parametrize("slots", [1, 3, 16])
def test_all_get_their_turn_in_order(slots: int) -> None:
    async def run() -> list[int]:
        turns, entered = Turns(slots), list[int]()

        async def one(number: int) -> None:
            async with turns.turn(str(number), 2):
                entered.append(number)
                turns.begin(str(number))
                await asyncio.sleep(0)
                turns.leave(str(number))

        await asyncio.gather(*(one(number) for number in range(50)))
        return entered

    assert asyncio.run(run()) == list(range(50))
