"""Programs are handed to nodes, again if one is lost, and never to one that would judge otherwise.

The nodes here are told what to answer; real ones are in test_node.py and tests/flows.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tasks.cluster.messages import (
    Answer,
    Ask,
    NodeReport,
    pack,
    report_fields,
    unpack,
    verdict_fields,
)
from tasks.cluster.recipe import AskedEnvironment, Recipe, TargetsAt
from tasks.cluster.remote_runner import RemoteRunner
from tasks.cluster.transport import NodeLostError, NodePlace
from tasks.core.errors import SandboxError
from tasks.core.records import Environment, Limits, Problem, Reason, Verdict
from tasks.runner import Terms, Work
from tasks.sandbox.layers import report_level
from tasks.strict_json import mapping, text

RECIPE = Recipe(
    {}, TargetsAt("/targets.h5", "a" * 64, 1), Terms(Limits()), (AskedEnvironment("current"),), "~"
)
REPORT = NodeReport(
    report_level(("landlock", "seccomp")),
    "Haswell",
    ("numpy 2.4",),
    (Environment("current", "python", "b" * 64),),
    {},
)
PASSED = {Answer.VERDICT: verdict_fields(Verdict(Reason.PASSED, "", 0.5, ("seccomp",)))}

Run = Callable[[str, str], Awaitable[Mapping[str, object]]]


async def passing(*_: str) -> Mapping[str, object]:
    """Answer at once."""
    return PASSED


class ToldNodes:
    """Nodes that answer what they are told to; `dead` ones answer nothing, not even late.

    `run` answers for a node and a program; `opened`, `closed` and `ran` count by node.
    """

    def __init__(self, *names: str) -> None:
        self.reports = dict.fromkeys(names, REPORT)
        self.errors: dict[str, str] = {}
        self.slow: str | None = None
        self.opened, self.closed, self.ran = Counter[str](), Counter[str](), Counter[str]()
        self.cancelled: list[int] = []
        self.run: Run = passing
        self._deaths = {name: asyncio.Event() for name in names}

    def kill(self, name: str) -> None:
        self._deaths[name].set()

    def revive(self, name: str) -> None:
        self._deaths[name] = asyncio.Event()

    async def connect(self) -> None:
        pass

    async def nodes(self) -> tuple[NodePlace, ...]:
        return tuple(NodePlace(name, 1) for name in self.reports)

    async def ask(self, node: str, request: bytes, attachment: bytes = b"") -> bytes:
        assert not attachment, "they have their targets"
        death = asyncio.create_task(self._deaths[node].wait())
        answer = asyncio.create_task(self._answer(node, unpack(request)))
        try:
            await asyncio.wait({death, answer}, return_when=asyncio.FIRST_COMPLETED)
            if self._deaths[node].is_set():
                raise NodeLostError(node, "killed")
            return pack(answer.result())
        finally:
            death.cancel()
            answer.cancel()

    async def _answer(self, node: str, fields: Mapping[str, Any]) -> Mapping[str, object]:
        match Ask(fields["ask"]):
            case Ask.OPEN:
                self.opened[node] += 1
                await asyncio.sleep(60 if node == self.slow else 0)
                if node in self.errors:
                    return {Answer.ERROR: self.errors[node]}
                return {Answer.READY: report_fields(self.reports[node])}
            case Ask.RUN:
                self.ran[node] += 1
                return await self.run(node, text(mapping(fields["work"])["program"]))
            case Ask.IMPORTS:
                return {Answer.MISSING: {"1": f"no module on {node}"}}
            case Ask.CANCEL:
                self.cancelled.append(fields["number"])
            case Ask.CLOSE:
                self.closed[node] += 1
            case _:
                pass
        return {Answer.DONE: True}

    async def drop(self, node: str) -> None:
        pass

    async def close(self) -> None:
        pass


def play(
    names: str, act: Callable[[ToldNodes, RemoteRunner], Awaitable[None]], patience_s: float = 60.0
) -> tuple[ToldNodes, list[str]]:
    """Run a scene with nodes of these names and return them, and what was announced."""
    said: list[str] = []

    async def scene() -> ToldNodes:
        nodes = ToldNodes(*names.split())
        await act(nodes, RemoteRunner(nodes, RECIPE, None, said.append, patience_s))
        return nodes

    return asyncio.run(scene()), said


def work(program: str = "x = 1") -> Work:
    return Work("current", "1.1", program)


def test_programs_go_to_all_nodes_as_many_at_once_as_they_have_processors() -> None:
    most = Counter[str]()

    async def act(nodes: ToldNodes, runner: RemoteRunner) -> None:
        inside = Counter[str]()

        async def run(node: str, _: str) -> Mapping[str, object]:
            inside[node] += 1
            most[node] = max(most[node], inside[node])
            await asyncio.sleep(0.01)
            inside[node] -= 1
            return PASSED

        nodes.run = run
        async with runner:
            verdicts = await asyncio.gather(*(runner.run(work()) for _ in range(20)))
        assert all(verdict.passed for verdict in verdicts)

    nodes, said = play("a b", act)
    assert most == {"a": 1, "b": 1}
    assert nodes.ran == {"a": 10, "b": 10}
    assert nodes.closed == {"a": 1, "b": 1}
    assert said[-1] == "programs verified: 10 on a, 10 on b"


def test_what_a_lost_node_had_runs_elsewhere() -> None:
    async def act(nodes: ToldNodes, runner: RemoteRunner) -> None:
        async def run(node: str, _: str) -> Mapping[str, object]:
            if node == "a":
                nodes.kill("a")
                await asyncio.sleep(60)
            return PASSED

        nodes.run = run
        async with runner:
            verdicts = await asyncio.gather(*(runner.run(work()) for _ in range(5)))
        assert [verdict.reason for verdict in verdicts] == [Reason.PASSED] * 5

    nodes, said = play("a b", act)
    assert nodes.ran == {"a": 1, "b": 5}
    assert "node a (killed) was lost; its programs run elsewhere" in said


def test_a_program_that_loses_two_nodes_is_no_verdict_and_gets_no_third() -> None:
    async def act(nodes: ToldNodes, runner: RemoteRunner) -> None:
        async def run(node: str, program: str) -> Mapping[str, object]:
            if program == "deadly":
                nodes.kill(node)
                await asyncio.sleep(60)
            return PASSED

        nodes.run = run
        async with runner:
            with pytest.raises(SandboxError, match=r"sub-step 1\.1, lost 2 nodes that were at it"):
                await runner.run(work("deadly"))
            assert (await runner.run(work())).passed

    nodes, _ = play("a b c", act)
    assert nodes.ran == {"a": 1, "b": 1, "c": 1}


def test_a_node_that_would_judge_otherwise_is_not_used() -> None:
    async def act(nodes: ToldNodes, runner: RemoteRunner) -> None:
        nodes.reports["b"] = replace(REPORT, judge_libraries=("numpy 1.26",))
        async with runner:
            await asyncio.gather(*(runner.run(work()) for _ in range(4)))
            assert runner.judge_libraries == ("numpy 2.4",)

    nodes, said = play("a b c", act)
    assert nodes.ran["b"] == 0
    assert nodes.closed["b"] == 1
    text = "expected a judge with numpy 2.4 as on the other nodes, found numpy 1.26"
    assert f"node b is not used: {text}" in said


def test_without_a_node_that_can_be_used_nothing_starts_and_each_says_why() -> None:
    async def act(nodes: ToldNodes, runner: RemoteRunner) -> None:
        nodes.errors = {"a": "isolation strong was required, found none", "b": "no targets"}
        with pytest.raises(SandboxError, match=r"\(a: isolation strong .* node a\); b: no targets"):
            async with runner:
                raise AssertionError("it must not start")

    play("a b", act)


def test_the_weakest_confinement_is_told() -> None:
    async def act(nodes: ToldNodes, runner: RemoteRunner) -> None:
        nodes.reports["b"] = replace(REPORT, isolation=report_level(("seccomp",)))
        async with runner:
            assert runner.isolation.level == "any"
            assert runner.environments == REPORT.environments
            assert runner.blas_core == "Haswell"

    play("a b", act)


def test_one_node_tells_what_cannot_be_imported_and_another_if_it_is_lost() -> None:
    async def act(nodes: ToldNodes, runner: RemoteRunner) -> None:
        async with runner:
            nodes.kill("a")
            missing = await runner.find_unimportable([Problem("1", "", "import nothing", ())])
            assert missing == {"1": "no module on b"}

    play("a b", act)


def test_a_node_that_comes_back_is_used_again() -> None:
    async def act(nodes: ToldNodes, runner: RemoteRunner) -> None:
        async with runner:
            nodes.kill("a")
            running = asyncio.create_task(runner.run(work()))
            await asyncio.sleep(0.1)
            nodes.revive("a")
            assert (await asyncio.wait_for(running, 30)).passed

    nodes, _ = play("a", act)
    assert nodes.opened["a"] == 2


def test_an_evaluation_whose_nodes_are_all_lost_ends() -> None:
    async def act(nodes: ToldNodes, runner: RemoteRunner) -> None:
        async with runner:
            nodes.kill("a")
            with pytest.raises(SandboxError, match="expected nodes to verify on, all were lost"):
                await runner.run(work())
            with pytest.raises(SandboxError, match="all were lost"):
                await runner.run(work())

    play("a", act, patience_s=0.5)


def test_a_start_that_is_cancelled_leaves_no_node_open() -> None:
    async def act(nodes: ToldNodes, runner: RemoteRunner) -> None:
        nodes.slow = "b"
        starting = asyncio.create_task(runner.__aenter__())
        await asyncio.sleep(0.05)
        assert nodes.opened == {"a": 1, "b": 1}
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)

    nodes, _ = play("a b", act)
    assert nodes.closed == {"a": 1, "b": 1}


def test_a_program_that_nobody_waits_for_is_cancelled_on_its_node() -> None:
    async def act(nodes: ToldNodes, runner: RemoteRunner) -> None:
        async def run(*_: str) -> Mapping[str, object]:
            await asyncio.sleep(60)
            return PASSED

        nodes.run = run
        async with runner:
            running = asyncio.create_task(runner.run(work()))
            await asyncio.sleep(0.05)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await asyncio.sleep(0.05)
            nodes.run = passing
            assert (await runner.run(work())).passed

    nodes, _ = play("a", act)
    assert nodes.cancelled == [0]


def test_trouble_of_a_nodes_sandbox_is_no_loss_of_the_node() -> None:
    async def act(nodes: ToldNodes, runner: RemoteRunner) -> None:
        async def run(*_: str) -> Mapping[str, object]:
            return {Answer.ERROR: "the judge cannot start"}

        nodes.run = run
        async with runner:
            with pytest.raises(SandboxError, match=r"the judge cannot start \(on node a\)"):
                await runner.run(work())

    nodes, _ = play("a b", act)
    assert nodes.ran == {"a": 1}
