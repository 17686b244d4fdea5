"""Problems get their turn in order, and as soon as the endpoint would run out of chains."""

import asyncio

import pytest

from flows.turns import ENTERING, Turns


class Course:
    """Problems that take turns; each stays until it is told that its chains are written."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.inside: list[str] = []
        self.begun: list[str] = []
        self.at_the_door: dict[str, asyncio.Event] = {}
        self.closed: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, problem_id: str, chains: int, *, slow: bool = False) -> None:
        """Have a problem come; a slow one has entered only when it is told so."""
        self.closed[problem_id] = asyncio.Event()
        self.at_the_door[problem_id] = asyncio.Event()
        if not slow:
            self.at_the_door[problem_id].set()
        self.tasks[problem_id] = asyncio.create_task(self._run(problem_id, chains))
        await settle()

    async def entered(self, problem_id: str) -> None:
        self.at_the_door[problem_id].set()
        await settle()

    async def written(self, problem_id: str) -> None:
        self.turns.leave(problem_id)
        await settle()

    async def cancel(self, problem_id: str) -> None:
        self.tasks[problem_id].cancel()
        await asyncio.gather(self.tasks[problem_id], return_exceptions=True)
        await settle()

    async def end(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)

    async def _run(self, problem_id: str, chains: int) -> None:
        async with self.turns.turn(problem_id, chains):
            self.inside.append(problem_id)
            await self.at_the_door[problem_id].wait()
            await self.turns.begin(problem_id)
            self.begun.append(problem_id)
            await self.closed[problem_id].wait()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_problem_begins_while_there_are_fewer_chains_than_slots() -> None:
    async def run() -> list[list[str]]:
        course, seen = Course(Turns(slots=4)), list[list[str]]()
        for problem_id in ("1", "2", "3"):
            await course.come(problem_id, 3)
        # 3 chains leave one slot empty; with 6 there is none.
        seen.append(list(course.begun))
        await course.written("1")
        await course.written("1")
        seen.append(list(course.begun))
        await course.written("1")
        seen.append(list(course.begun))
        await course.end()
        return seen

    assert asyncio.run(run()) == [["1", "2"], ["1", "2"], ["1", "2", "3"]]


def test_a_problem_that_is_written_makes_room_though_it_is_still_verified() -> None:
    async def run() -> list[str]:
        course = Course(Turns(slots=1))
        await course.come("1", 1)
        await course.come("2", 1)
        await course.written("1")
        await course.written("1")
        await course.written("unknown")
        begun = list(course.begun)
        await course.end()
        return begun

    assert asyncio.run(run()) == ["1", "2"]


def test_problems_at_once_can_be_limited() -> None:
    async def run() -> list[str]:
        course = Course(Turns(slots=16, problems=2))
        for problem_id in ("1", "2", "3"):
            await course.come(problem_id, 1)
        begun = list(course.begun)
        await course.end()
        return begun

    assert asyncio.run(run()) == ["1", "2"]


def test_one_that_fails_or_gives_up_makes_room() -> None:
    async def run() -> list[list[str]]:
        course, seen = Course(Turns(slots=1)), list[list[str]]()
        for number in range(1, 2 + ENTERING):
            await course.come(str(number), 1)
        seen += [list(course.begun), list(course.inside)]
        # One waits for its turn inside, one writes, and one is outside.
        await course.cancel("2")
        await course.cancel("1")
        await course.cancel("5")
        seen += [list(course.begun), list(course.inside)]
        await course.end()
        return seen

    assert asyncio.run(run()) == [
        ["1"],
        ["1", "2", "3", "4", "5"],
        ["1", "3"],
        ["1", "2", "3", "4", "5"],
    ]


def test_few_enter_at_once_and_the_next_when_one_has_begun() -> None:
    async def run() -> list[list[str]]:
        course, seen = Course(Turns(slots=16)), list[list[str]]()
        for problem_id in ("1", "2", "3", "4", "5", "6"):
            await course.come(problem_id, 1, slow=True)
        seen.append(list(course.inside))
        await course.entered("2")
        seen.append(list(course.inside))
        # One that fails before it has begun makes room too.
        await course.cancel("1")
        seen.append(list(course.inside))
        await course.end()
        return seen

    assert ENTERING == 4
    first = ["1", "2", "3", "4"]
    assert asyncio.run(run()) == [first, [*first, "5"], [*first, "5", "6"]]


def test_the_next_enter_while_others_write_and_begin_in_their_order() -> None:
    """2 is slow to enter, but its chains keep their slots."""

    async def run() -> list[list[str]]:
        course, seen = Course(Turns(slots=2)), list[list[str]]()
        await course.come("1", 2)
        await course.come("2", 2, slow=True)
        await course.come("3", 1)
        seen += [list(course.inside), list(course.begun)]
        await course.written("1")
        await course.written("1")
        seen.append(list(course.begun))
        await course.entered("2")
        seen.append(list(course.begun))
        await course.written("2")
        seen.append(list(course.begun))
        await course.end()
        return seen

    assert asyncio.run(run()) == [["1", "2", "3"], ["1"], ["1"], ["1", "2"], ["1", "2", "3"]]


def test_who_enters_slowly_holds_up_nobody_for_whom_there_is_room() -> None:
    async def run() -> list[str]:
        course = Course(Turns(slots=2))
        await course.come("1", 1, slow=True)
        await course.come("2", 1)
        begun = list(course.begun)
        await course.end()
        return begun

    assert asyncio.run(run()) == ["2"]


@pytest.mark.parametrize("slots", [1, 2, 16])
def test_all_get_their_turn_and_in_order_where_there_is_room_for_one(slots: int) -> None:
    async def run() -> list[int]:
        turns, begun = Turns(slots), list[int]()

        async def one(number: int) -> None:
            async with turns.turn(str(number), 2):
                await turns.begin(str(number))
                begun.append(number)
                await asyncio.sleep(0)
                turns.leave(str(number))

        await asyncio.gather(*(one(number) for number in range(50)))
        return begun

    begun = asyncio.run(run())
    assert sorted(begun) == list(range(50))
    assert slots == 16 or begun == sorted(begun)
