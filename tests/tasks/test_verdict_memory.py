"""A verifier repeats what it is asked to repeat, and nothing that it knows."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tasks.core.records import Environment, Limits, Problem, Reason, SubStep, Verdict
from tasks.core.rulings import Confirmation, Repeated, TryRule
from tasks.cost_store import CostStore
from tasks.sandbox.layers import Level
from tasks.target_digests import target_digests
from tasks.targets import write_targets
from tasks.verdict_cache import VerdictCache
from tasks.verdict_memory import VerdictMemory
from tasks.verifier import Verifier, VerifierOptions, plan_steps

LIMITS = Limits(cpu_s=20.0, wall_s=60.0, memory_bytes=2 * 2**30, frame_bytes=2**20)
ONE = "def f(x): return 1.0\n"
TWO = "def f(x): return 2.0\n"
# Right in about half of its runs: 40 runs all alike have a chance of 2 in 2**40.
COIN = "import os\ndef f(x): return float(os.urandom(1)[0] % 2)\n"
HERE = Environment("here", sys.executable, "a" * 64)
THERE = Environment("there", sys.executable, "b" * 64)


class Bench:
    """Two sub-steps, 1.1 and 1.2, that both ask for 1.0, and a cache."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        cases = ("assert f(1) == target",)
        steps = tuple(SubStep(i, "", "", "def f(x):", None, cases) for i in ("1.1", "1.2"))
        self._plans = plan_steps([Problem("1", "", "", steps)], frozenset({"1.1", "1.2"}))
        self.expect(1.0, 1.0)

    def expect(self, first: float, second: float) -> None:
        self.file = self._folder / f"{first}-{second}.h5"
        write_targets(self.file, {"1.1": [first], "1.2": [second]})

    def memory(self) -> VerdictMemory:
        digests = target_digests(self.file, self.file.stem, ["1.1", "1.2"], self._folder / "t")
        return VerdictMemory(VerdictCache(self._folder / "v"), digests)

    def remembering(self) -> VerifierOptions:
        return VerifierOptions(environments=(HERE,), memory=self.memory())

    def verify(
        self, programs: Sequence[tuple[str, str]], options: VerifierOptions, limits: Limits = LIMITS
    ) -> tuple[list[Verdict], int]:
        """Return the verdicts, and how many programs ran for them."""

        async def talk() -> tuple[list[Verdict], int]:
            async with Verifier(
                self._plans, self.file, 2, limits, Level.STRONG, options
            ) as verifier:
                verdicts = [await verifier.verify(s, text, None) for s, text in programs]
                return verdicts, verifier.programs_run

        return asyncio.run(talk())

    def verify_at_once(
        self, programs: Sequence[str], options: VerifierOptions
    ) -> tuple[list[Verdict], int]:
        """Return the verdicts on sub-step 1.1, all asked for at once, and how many programs ran."""

        async def talk() -> tuple[list[Verdict], int]:
            async with Verifier(
                self._plans, self.file, 2, LIMITS, Level.STRONG, options
            ) as verifier:
                asked = [verifier.verify("1.1", text, None) for text in programs]
                return await asyncio.gather(*asked), verifier.programs_run

        return asyncio.run(talk())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_verdict_that_is_known_needs_no_run(bench: Bench) -> None:
    programs = [("1.1", ONE), ("1.2", TWO)]
    first, ran = bench.verify(programs, bench.remembering())
    again, ran_again = bench.verify(programs, bench.remembering())
    assert (ran, ran_again) == (2, 0)
    assert [(v.reason, v.detail) for v in again] == [(v.reason, v.detail) for v in first]
    assert [v.cached for v in first] == [False, False]
    assert [v.cached for v in again] == [True, True]


def test_a_program_that_several_repeats_ask_for_at_once_runs_once(bench: Bench) -> None:
    verdicts, ran = bench.verify_at_once([COIN] * 8 + [TWO], bench.remembering())
    assert ran == 2
    assert len({verdict.reason for verdict in verdicts[:8]}) == 1
    assert sorted(verdict.cached for verdict in verdicts) == [False] * 2 + [True] * 7


def test_a_verdict_that_does_not_last_is_found_out_for_everyone_who_asks(bench: Bench) -> None:
    killed = "import os\nos.kill(os.getpid(), 9)"
    verdicts, ran = bench.verify_at_once([killed] * 3, bench.remembering())
    assert ran == 3
    assert [verdict.reason for verdict in verdicts] == [Reason.KILLED] * 3


def test_a_changed_target_is_judged_anew_for_its_own_sub_step_only(bench: Bench) -> None:
    programs = [("1.1", ONE), ("1.2", ONE)]
    bench.verify(programs, bench.remembering())
    bench.expect(1.0, 3.0)
    verdicts, ran = bench.verify(programs, bench.remembering())
    assert ran == 1
    assert [(v.reason, v.cached) for v in verdicts] == [
        (Reason.PASSED, True),
        (Reason.WRONG_ANSWER, False),
    ]


def test_another_program_limit_or_environment_is_verified_anew(bench: Bench) -> None:
    here = bench.remembering()
    there = VerifierOptions(environments=(THERE,), memory=bench.memory())
    assert bench.verify([("1.1", ONE)], here)[1] == 1
    assert bench.verify([("1.1", ONE + "\n")], here)[1] == 1
    assert bench.verify([("1.1", ONE)], there)[1] == 1
    shorter = Limits(cpu_s=19.0, wall_s=60.0, memory_bytes=2 * 2**30, frame_bytes=2**20)
    assert bench.verify([("1.1", ONE)], here, shorter)[1] == 1
    assert bench.verify([("1.1", ONE)], here)[1] == 0


def test_every_try_of_a_confirmation_runs_and_is_known_afterwards(bench: Bench) -> None:
    options = VerifierOptions(
        environments=(HERE,),
        confirmation=Confirmation(39, Repeated.ALL, TryRule.ALL),
        memory=bench.memory(),
    )
    (verdict,), ran = bench.verify([("1.1", COIN)], options)
    assert ran == 40
    assert set(verdict.tries) == {Reason.PASSED, Reason.WRONG_ANSWER}
    assert verdict.reason is Reason.WRONG_ANSWER
    (again,), ran_again = bench.verify([("1.1", COIN)], options)
    assert ran_again == 0
    assert again.tries == verdict.tries


def test_only_failing_verifications_are_tried_again_unless_all_are_wanted(bench: Bench) -> None:
    options = VerifierOptions(confirmation=Confirmation(2))
    (right, wrong), ran = bench.verify([("1.1", ONE), ("1.2", TWO)], options)
    # One run of the right program, three of the wrong one.
    assert ran == 4
    assert right.tries == ()
    assert wrong.tries == (Reason.WRONG_ANSWER,) * 3


def test_a_program_runs_in_every_environment(bench: Bench) -> None:
    options = VerifierOptions(environments=(HERE, THERE))
    (verdict,), ran = bench.verify([("1.1", ONE)], options)
    assert ran == 2
    assert verdict.environments == (("here", Reason.PASSED), ("there", Reason.PASSED))


def test_a_sub_step_may_have_limits_of_its_own(bench: Bench) -> None:
    endless = "while True: pass"
    brief = Limits(cpu_s=1.0, wall_s=60.0, memory_bytes=2 * 2**30)
    (verdict,), _ = bench.verify([("1.1", endless)], VerifierOptions(step_limits={"1.1": brief}))
    assert verdict.reason is Reason.TIMEOUT
    assert verdict.detail.startswith("CPU limit of 1 s")


def test_without_a_name_for_what_is_installed_nothing_is_remembered(bench: Bench) -> None:
    options = VerifierOptions(memory=bench.memory())
    assert [bench.verify([("1.1", ONE)], options)[1] for _ in range(2)] == [1, 1]


def test_what_programs_took_is_remembered_for_the_next_run(bench: Bench, tmp_path: Path) -> None:
    store = CostStore(tmp_path / "costs")
    bench.verify([("1.1", ONE)], VerifierOptions(environments=(HERE,), costs=store))
    assert list(store.load(HERE.sha256)) == ["1.1"]
    assert store.load(HERE.sha256)["1.1"].duration_s > 0
    assert store.load(THERE.sha256) == {}
