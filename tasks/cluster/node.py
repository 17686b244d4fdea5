"""program -> verdict on a node: its own sandboxes and judge, at the service of one evaluator.

It answers bytes with bytes, and errors are answers too: nothing but bytes crosses. If it hears
nothing for long, its evaluator is gone, and it stops what it has started.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.cluster.messages import (
    Answer,
    Ask,
    NodeReport,
    pack,
    read_work,
    report_fields,
    unpack,
    verdict_fields,
)
from tasks.cluster.node_environments import take_environments
from tasks.cluster.node_targets import Arrival, find_targets
from tasks.cluster.recipe import Recipe, items, read_recipe
from tasks.core.errors import EvalError, SandboxError, TargetError
from tasks.core.records import Problem, Verdict
from tasks.core.verdict_keys import JUDGE_VERSION, SANDBOX_VERSION
from tasks.cost_store import CostStore
from tasks.local_runner import LocalRunner
from tasks.strict_json import count, mapping, text

LEASE_S = 120.0


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a node was opened for."""

    recipe: Recipe
    workers: int
    cache_dir: Path

    @property
    def costs(self) -> CostStore:
        """What programs took on this node in earlier runs."""
        return CostStore(self.cache_dir / "costs" / self.recipe.targets.sha256[:12])


class NodeVerifier:
    """The verifier of one node; `answer` may be called while it answers others."""

    def __init__(self, lease_s: float = LEASE_S) -> None:
        self._lease_s = lease_s
        self._heard = 0.0
        self._changing = asyncio.Lock()
        self._asked: _Asked | None = None
        self._arrival: Arrival | None = None
        self._runner: LocalRunner | None = None
        self._stack = AsyncExitStack()
        self._running: dict[int, asyncio.Task[Verdict]] = {}
        self._watch: asyncio.Task[None] | None = None

    async def answer(self, request: bytes, attachment: bytes = b"") -> bytes:
        """Answer a request; `attachment` is a part of the targets."""
        self._hear()
        try:
            return pack(await self._answer(unpack(request), attachment))
        except EvalError as error:
            return pack({Answer.ERROR: str(error)})
        except Exception as error:
            return pack({Answer.ERROR: f"{type(error).__name__}: {error}"})

    @property
    def is_closed(self) -> bool:
        """Whether nothing is open, nor being opened."""
        started = self._runner is not None or self._arrival is not None
        return not started and not self._changing.locked()

    async def close(self) -> None:
        """Stop what was started."""
        async with self._changing:
            await self._close()

    async def _answer(self, fields: Mapping[str, object], attachment: bytes) -> dict[str, Any]:
        match Ask(text(fields["ask"])):
            case Ask.OPEN:
                async with self._changing:
                    return await self._open(fields)
            case Ask.RECEIVE:
                async with self._changing:
                    return await self._receive(count(fields["offset"]), attachment)
            case Ask.RUN:
                return await self._run(fields)
            case Ask.CANCEL:
                if (task := self._running.get(count(fields["number"]))) is not None:
                    task.cancel()
            case Ask.IMPORTS:
                return await self._find_missing(fields)
            case Ask.PING:
                pass
            case Ask.CLOSE:
                await self.close()
        return {Answer.DONE: True}

    async def _open(self, fields: Mapping[str, object]) -> dict[str, Any]:
        await self._close()
        recipe = mapping(fields["recipe"])
        _check_versions(recipe)
        read = read_recipe(recipe)
        asked = _Asked(read, count(fields["workers"]), _at_home(read.cache_dir))
        targets = await asyncio.to_thread(find_targets, read.targets, asked.cache_dir)
        if targets is not None:
            return await self._start(asked, targets)
        self._asked, self._arrival = asked, Arrival(read.targets, asked.cache_dir)
        return {Answer.TARGETS: True}

    async def _receive(self, offset: int, part: bytes) -> dict[str, Any]:
        if self._arrival is None or self._asked is None:
            return {Answer.CLOSED: True}
        try:
            targets = await asyncio.to_thread(self._arrival.take, offset, part)
        except TargetError:
            await self._close()
            raise
        return {Answer.DONE: True} if targets is None else await self._start(self._asked, targets)

    async def _start(self, asked: _Asked, targets: Path) -> dict[str, Any]:
        recipe = asked.recipe
        async with AsyncExitStack() as stack:
            environments = await take_environments(recipe.environments, asked.cache_dir, stack)
            runner = LocalRunner(
                recipe.cases, targets, asked.workers, recipe.terms, environments, asked.costs
            )
            await stack.enter_async_context(runner)
            self._stack = stack.pop_all()
        self._runner = runner
        # Nobody need ask anything while a node is being opened, which may take minutes.
        self._hear()
        self._watch = asyncio.create_task(self._close_unheard())
        return {Answer.READY: report_fields(_report(runner, asked.costs))}

    async def _run(self, fields: Mapping[str, object]) -> dict[str, Any]:
        runner, number = self._runner, count(fields["number"])
        if runner is None:
            return {Answer.CLOSED: True}
        task = asyncio.create_task(runner.run(read_work(mapping(fields["work"]))))
        self._running[number] = task
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
            del self._running[number]
        # What a pool says that is being closed is nothing about the program.
        if task.cancelled() or self._runner is not runner:
            return {Answer.CLOSED: True}
        return {Answer.VERDICT: verdict_fields(task.result())}

    async def _find_missing(self, fields: Mapping[str, object]) -> dict[str, Any]:
        runner = self._runner
        if runner is None:
            return {Answer.CLOSED: True}
        pairs = [map(text, items(pair)) for pair in items(fields["problems"])]
        problems = [Problem(problem_id, "", imports, ()) for problem_id, imports in pairs]
        return {Answer.MISSING: await runner.find_unimportable(problems)}

    def _hear(self) -> None:
        self._heard = asyncio.get_running_loop().time()

    async def _close_unheard(self) -> None:
        loop = asyncio.get_running_loop()
        while (left := self._heard + self._lease_s - loop.time()) > 0:  # noqa: ASYNC110 - for silence
            await asyncio.sleep(left)
        await self.close()

    async def _close(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None and watch is not asyncio.current_task():
            watch.cancel()
        arrival, self._arrival = self._arrival, None
        if arrival is not None:
            arrival.drop()
        self._runner = self._asked = None
        await self._stack.aclose()


def _at_home(folder: str) -> Path:
    return Path(folder).expanduser()


def _check_versions(recipe: Mapping[str, object]) -> None:
    expected, found = recipe["versions"], [JUDGE_VERSION, SANDBOX_VERSION]
    if expected != found:
        raise SandboxError(
            f"expected versions {expected} of judge and sandbox, found {found} on this node; "
            "install the evaluator's release of scicode-flows there"
        )


def _report(runner: LocalRunner, costs: CostStore) -> NodeReport:
    durations: dict[str, float] = {}
    for environment in runner.environments:
        for step_id, cost in costs.load(environment.sha256).items():
            durations[step_id] = max(cost.duration_s, durations.get(step_id, 0.0))
    return NodeReport(
        runner.isolation,
        runner.blas_core,
        runner.judge_libraries,
        runner.environments,
        durations,
    )
