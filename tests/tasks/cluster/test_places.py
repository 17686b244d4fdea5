"""Places go to the longest first, on the node with most of them free."""

import asyncio

import pytest

from tasks.cluster.places import Places

Places_ = Places[str]


async def settle() -> None:
    """Let everything that is ready run."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_the_node_with_the_most_free_places_is_next() -> None:
    async def talk() -> list[str]:
        places = Places_()
        places.add("a", 1)
        places.add("b", 3)
        return [await places.take(1.0) for _ in range(4)]

    # b has 3 and a 1; then b 2, b 1 and a 1 (a was there first), b 1.
    assert asyncio.run(talk()) == ["b", "b", "a", "b"]


def test_what_takes_long_goes_first_and_the_unknown_before_all() -> None:
    async def talk() -> list[float]:
        places, order = Places_(), list[float]()

        async def one(known_s: float) -> None:
            node = await places.take(known_s)
            order.append(known_s)
            places.give_back(node)

        waiting = [asyncio.create_task(one(s)) for s in (1.0, 30.0, float("inf"), 5.0)]
        await settle()
        places.add("a", 1)
        await asyncio.gather(*waiting)
        return order

    assert asyncio.run(talk()) == [float("inf"), 30.0, 5.0, 1.0]


def test_a_removed_node_gets_nothing_even_if_a_place_is_given_back() -> None:
    async def talk() -> str:
        places = Places_()
        places.add("a", 1)
        assert await places.take(1.0) == "a"
        places.remove("a")
        places.give_back("a")
        waiting = asyncio.create_task(places.take(1.0))
        await settle()
        assert not waiting.done()
        places.add("b", 1)
        return await waiting

    assert asyncio.run(talk()) == "b"


@pytest.mark.parametrize("late", [False, True])
def test_a_place_is_not_lost_with_who_waited_for_it(*, late: bool) -> None:
    async def talk() -> str:
        places = Places_()
        places.add("a", 1)
        await places.take(1.0)
        waiting = asyncio.create_task(places.take(1.0))
        await settle()
        if late:
            places.give_back("a")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        if not late:
            places.give_back("a")
        return await asyncio.wait_for(places.take(1.0), 1.0)

    assert asyncio.run(talk()) == "a"


def test_closed_places_fail_who_waits_and_who_comes() -> None:
    async def talk() -> None:
        places = Places_()
        waiting = asyncio.create_task(places.take(1.0))
        await settle()
        places.close(RuntimeError("no nodes"))
        for coming in (waiting, places.take(1.0)):
            with pytest.raises(RuntimeError, match="no nodes"):
                await coming

    asyncio.run(talk())
