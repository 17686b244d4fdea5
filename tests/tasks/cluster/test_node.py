"""A node verifies with a sandbox and a judge of its own, and stops when its evaluator is gone."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks.cluster.messages import Answer, pack, read_report, read_verdict, unpack, work_fields
from tasks.cluster.node import NodeVerifier
from tasks.cluster.recipe import AskedEnvironment, Recipe, TargetsAt, recipe_fields
from tasks.core.records import Limits, Problem, Reason
from tasks.runner import Terms, Work
from tasks.verifier import cases_of, plan_steps

LIMITS = Limits(cpu_s=20.0, wall_s=60.0, memory_bytes=2 * 2**30, frame_bytes=2**20)
DOUBLE = "def double(x):\n    return 2 * x\n"


class Asked:
    """A node as its evaluator sees it."""

    def __init__(self, recipe: Recipe, content: bytes) -> None:
        self.recipe, self.content = recipe, content
        self.node = NodeVerifier()

    async def ask(self, ask: str, attachment: bytes = b"", **fields: object) -> dict[str, Any]:
        return dict(unpack(await self.node.answer(pack({"ask": ask, **fields}), attachment)))

    async def open(self, **changes: Any) -> dict[str, Any]:
        recipe = replace(self.recipe, **changes)
        return await self.ask("open", recipe=recipe_fields(recipe), workers=1)

    async def run(self, program: str, number: int = 1) -> dict[str, Any]:
        work = work_fields(Work("current", "1.1", program))
        return await self.ask("run", number=number, work=work)


Act = Callable[[Asked], Awaitable[None]]


@pytest.fixture
def play(small: Path, small_problems: tuple[Problem, ...], tmp_path: Path) -> Callable[[Act], None]:
    """Run a scene with a node that does not see the evaluator's targets."""
    content = small.with_name("targets.h5").read_bytes()
    recipe = Recipe(
        cases_of(plan_steps(small_problems, frozenset({"1.1"}))),
        TargetsAt("/far/targets.h5", hashlib.sha256(content).hexdigest(), len(content)),
        Terms(LIMITS),
        (AskedEnvironment("current"),),
        str(tmp_path / "node"),
    )

    def run(act: Act) -> None:
        async def scene() -> None:
            asked = Asked(recipe, content)
            try:
                await act(asked)
            finally:
                await asked.node.close()

        asyncio.run(scene())

    return run


def test_a_node_fetches_its_targets_once_and_judges_by_them(play: Callable[[Act], None]) -> None:
    async def act(node: Asked) -> None:
        half = len(node.content) // 2
        assert await node.open() == {Answer.TARGETS: True}
        assert await node.ask("receive", node.content[:half], offset=0) == {Answer.DONE: True}
        ready = await node.ask("receive", node.content[half:], offset=half)
        report = read_report(ready[Answer.READY])
        assert report.environments[0].name == "current"
        verdict = read_verdict((await node.run(DOUBLE))[Answer.VERDICT])
        assert (verdict.reason, bool(verdict.layers)) == (Reason.PASSED, True)
        wrong = read_verdict((await node.run(DOUBLE.replace("2", "3")))[Answer.VERDICT])
        assert wrong.reason is Reason.WRONG_ANSWER
        # The second time it has them, and knows what the sub-step takes.
        assert await node.ask("close") == {Answer.DONE: True}
        assert read_report((await node.open())[Answer.READY]).durations_s["1.1"] > 0

    play(act)


def test_a_node_says_what_it_cannot_do(play: Callable[[Act], None]) -> None:
    async def act(node: Asked) -> None:
        old = await node.open(versions=(0, 0))
        assert old[Answer.ERROR].startswith("expected versions [0, 0] of judge and sandbox, found")
        await node.open()
        spoilt = await node.ask("receive", node.content[::-1], offset=0)
        assert spoilt[Answer.ERROR].startswith("expected targets of sha256")
        assert await node.run(DOUBLE) == {Answer.CLOSED: True}
        assert await node.ask("receive", node.content, offset=0) == {Answer.CLOSED: True}
        assert "is not a valid Ask" in (await node.ask("dance"))[Answer.ERROR]

    play(act)


def test_a_node_tells_what_cannot_be_imported(play: Callable[[Act], None]) -> None:
    async def act(node: Asked) -> None:
        await node.open()
        await node.ask("receive", node.content, offset=0)
        problems = [["1", "import math"], ["2", "import no_such_module"]]
        missing = (await node.ask("imports", problems=problems))[Answer.MISSING]
        assert list(missing) == ["2"]

    play(act)


def test_a_run_that_is_cancelled_ends_at_once(play: Callable[[Act], None]) -> None:
    async def act(node: Asked) -> None:
        await node.open()
        await node.ask("receive", node.content, offset=0)
        running = asyncio.create_task(node.run("while True: pass", number=7))
        await asyncio.sleep(0.5)
        assert await node.ask("cancel", number=7) == {Answer.DONE: True}
        assert await asyncio.wait_for(running, 5) == {Answer.CLOSED: True}
        # The only place is free again.
        assert read_verdict((await node.run(DOUBLE))[Answer.VERDICT]).passed

    play(act)


def test_a_node_stops_when_it_hears_nothing_any_more(play: Callable[[Act], None]) -> None:
    async def act(node: Asked) -> None:
        node.node = NodeVerifier(lease_s=1.0)
        await node.open()
        assert Answer.READY in await node.ask("receive", node.content, offset=0)
        for _ in range(4):
            await asyncio.sleep(0.4)
            await node.ask("ping")
        assert not node.node.is_closed
        running = asyncio.create_task(node.run("while True: pass"))
        assert await asyncio.wait_for(running, 20) == {Answer.CLOSED: True}
        async with asyncio.timeout(20):
            while not node.node.is_closed:  # noqa: ASYNC110 - it stops processes first
                await asyncio.sleep(0.05)

    play(act)
