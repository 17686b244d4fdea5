"""Programs become verdicts, with the real sandbox and the real judge."""

import asyncio
import hashlib
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from flows.derive import gold_programs
from tasks.core.errors import DatasetError, SandboxError
from tasks.core.records import Candidate, Given, Limits, Problem, Reason, SubStep, Verdict
from tasks.dataset import load_problems
from tasks.targets import write_targets
from tasks.verifier import Verifier, plan_steps

LIMITS = Limits(cpu_s=20.0, wall_s=60.0, memory_bytes=2 * 2**30, frame_bytes=2**20)
DATA = Path(__file__).parents[2].parent / "shared" / "data" / "scicode"
STEPS = ("4.1", "5.1", "7.1")

Run = Callable[..., list[Verdict]]


def run_all(problems, targets, programs, limits=LIMITS, candidate=None):
    """Verify (step_id, program) pairs at once and return their verdicts in order."""
    plans = plan_steps(problems, frozenset(step_id for step_id, _ in programs))

    async def talk():
        async with Verifier(plans, targets, 2, limits) as verifier:
            return await asyncio.gather(
                *(verifier.verify(step_id, text, candidate) for step_id, text in programs)
            )

    return asyncio.run(talk())


@pytest.fixture(scope="module")
def example():
    """The bundled problems, their targets, and the gold programs of all sub-steps."""
    folder = files("tasks.example")
    with as_file(folder / "problems.jsonl") as problems, as_file(folder / "targets.h5") as targets:
        loaded = load_problems(problems, upstream=None, given=Given.WHOLE).problems
        gold = {key: text for problem in loaded for key, text in gold_programs(problem).items()}
        yield loaded, targets, gold


@pytest.fixture
def verify(example) -> Run:
    """Verify programs for sub-steps of the example."""
    problems, targets, _ = example
    return lambda *programs, **options: run_all(problems, targets, programs, **options)


@pytest.fixture
def judge_own(tmp_path: Path) -> Run:
    """Verify programs for a single sub-step 1.1, given by its cases and targets."""

    def run(cases: list[str], expected: list[object], *programs: str, **options: object):
        step = SubStep("1.1", "", "", "def f(x):", None, tuple(cases))
        targets = tmp_path / "targets.h5"
        write_targets(targets, {"1.1": expected})
        pairs = [("1.1", program) for program in programs]
        return run_all([Problem("1", "own", "", (step,))], targets, pairs, **options)

    return run


def test_gold_programs_pass_and_say_under_what_confinement(verify, example):
    _, _, gold = example
    verdicts = verify(*((step_id, gold[step_id]) for step_id in STEPS))
    assert [verdict.reason for verdict in verdicts] == [Reason.PASSED] * 3
    assert all(verdict.passed and verdict.duration_s > 0 for verdict in verdicts)
    assert all("session" in verdict.layers for verdict in verdicts)


def test_each_way_to_fail_has_its_reason(verify):
    head = "import numpy as np\ndef reverse_complement(sequence):\n    "
    bodies = {
        Reason.WRONG_ANSWER: "return sequence",
        Reason.EXCEPTION: "raise KeyError(sequence)",
        Reason.MEMORY: "return bytes(2**40)",
        Reason.KILLED: "import os; os._exit(0)",
        Reason.BAD_VALUE: "return object()",
        Reason.VIOLATION: "return open('left-behind', 'w').name",
    }
    verdicts = verify(*(("5.1", head + body) for body in bodies.values()))
    assert [verdict.reason for verdict in verdicts] == list(bodies)
    assert verdicts[0].detail.startswith("case 1 does not hold: reverse_complement(")
    assert "KeyError" in verdicts[1].detail


def test_an_endless_program_has_its_time(verify):
    limits = Limits(cpu_s=1.0, wall_s=60.0, memory_bytes=2 * 2**30)
    (verdict,) = verify(("5.1", "while True: pass"), limits=limits)
    assert verdict.reason is Reason.TIMEOUT


@pytest.mark.parametrize(
    ("candidate", "program", "reason"),
    [
        (Candidate("  \n", fenced=True), "import os", Reason.NO_CODE),
        (Candidate("I cannot.", fenced=False), "I cannot.", Reason.NO_CODE),
        (Candidate("I cannot.", fenced=True), "I cannot.", Reason.EXCEPTION),
        (Candidate("x = 1", fenced=False), "x = 1", Reason.EXCEPTION),
    ],
)
def test_no_code_is_an_empty_candidate_or_prose_without_a_code_block(
    verify, candidate, program, reason
):
    (verdict,) = verify(("5.1", program), candidate=candidate)
    assert verdict.reason is reason


def test_a_sub_step_is_planned_only_if_it_is_scored(example):
    problems, targets, _ = example
    verifier = Verifier(plan_steps(problems, frozenset({"4.1"})), targets, 1, LIMITS)
    assert verifier.has("4.1")
    assert not verifier.has("5.1")


def test_a_case_that_cannot_be_cut_stops_before_anything_runs():
    step = SubStep("1.1", "", "", "def f(x):", None, ("if f(1) == target: pass",))
    with pytest.raises(DatasetError, match=r"case 1 of sub-step 1\.1"):
        plan_steps([Problem("1", "own", "", (step,))], frozenset({"1.1"}))


def test_a_missing_target_is_an_error_whatever_the_program_did(judge_own):
    with pytest.raises(SandboxError, match=r"cannot judge sub-step 1\.1"):
        judge_own(["assert f(1) == target"] * 2, [1.0], "def f(x): return 1.0")


NUMPY = "import numpy as np\n"
CLOSE = ["assert np.allclose(f(1), target)"]


def test_values_that_agree_with_everything_agree_with_nothing(judge_own):
    agreeable = (
        "class Same(float):\n"
        "    __array__ = lambda self, *a, **k: np.zeros((0, 1))\n"
        "    __eq__ = lambda self, other: True\n"
        "    __hash__ = float.__hash__\n"
    )
    programs = [
        "def f(x): return np.zeros((0, 1))",
        "def f(x): return []",
        "def f(x): return np.ma.masked_all(3)",
        "def f(x): return np.full(3, np.nan)",
        "def f(x): return None",
        "def f(x): return {0: 1.0}",
        f"{agreeable}def f(x): return Same(0)",
        "np.allclose = lambda *a, **k: True\ndef f(x): return 0",
        "target = np.ones(3)\ndef f(x): return target * 0",
    ]
    verdicts = judge_own(CLOSE, [[1.0, 2.0, 3.0]], *(NUMPY + text for text in programs))
    assert not any(verdict.passed for verdict in verdicts)
    assert verdicts[0].reason is verdicts[1].reason is Reason.WRONG_ANSWER
    assert verdicts[2].reason is Reason.BAD_VALUE


FORGE = """
import os, stat
from tasks.core.records import Ending
from tasks.sandbox.messages import MessageKind, pack_ended, pack_header
from tasks.sandbox.wire import encode_values

def is_channel(n):
    try:
        return n > 2 and stat.S_ISSOCK(os.fstat(n).st_mode)
    except OSError:
        return False

channel = next(n for n in range(64) if is_channel(n))

def send(*parts):
    for part in parts:
        os.write(channel, part)

def frame(values):
    data = encode_values(values, 1000)
    send(pack_header(MessageKind.FRAME, len(data)), data)

def done():
    send(pack_ended(Ending.COMPLETED, ""))
    os._exit(0)
"""


def test_forged_frames_do_not_pass(judge_own):
    programs = [
        "done()",
        "frame([True])\ndone()",
        "frame([])\ndone()",
        "frame([0.0])\nframe([0.0])\nframe([0.0])\ndone()",
        "send(pack_header(MessageKind.FRAME, 4), b'\\xff' * 4)\ndone()",
        "send(b'passed')\ndone()",
        "send(pack_header(MessageKind.FRAME, 2**60))\ndone()",
        # Right for the first case only.
        "frame([6.0])\ndone()",
    ]
    cases = ["assert f(1) == target", "assert f(2) == target"]
    verdicts = judge_own(cases, [6.0, 12.0], *(FORGE + text for text in programs))
    expected = [
        Reason.BAD_VALUE,
        Reason.WRONG_ANSWER,
        Reason.BAD_VALUE,
        Reason.WRONG_ANSWER,
        Reason.BAD_VALUE,
        Reason.BAD_VALUE,
        Reason.BAD_VALUE,
        Reason.BAD_VALUE,
    ]
    assert [verdict.reason for verdict in verdicts] == expected


HIDDEN = "a target that no program can guess: 7341"
SEARCH = f"""
import gc, hashlib, os, sys

WANTED = {hashlib.sha256(HIDDEN.encode()).hexdigest()!r}

def is_wanted(text):
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() == WANTED

def texts():
    yield from os.environ.values()
    yield from sys.argv
    yield from open("/proc/self/cmdline").read().split(chr(0))
    yield from open("/proc/self/environ").read().split(chr(0))
    frame = sys._getframe()
    while frame is not None:
        yield from frame.f_locals.values()
        yield from frame.f_globals.values()
        yield from frame.f_code.co_consts
        frame = frame.f_back
    for owner in gc.get_objects():
        if isinstance(owner, dict):
            yield from list(owner.values())
        elif isinstance(owner, (list, tuple, set, frozenset)):
            yield from list(owner)
        yield from gc.get_referents(owner)

def f(x):
    return next((t for t in texts() if isinstance(t, str) and is_wanted(t)), None)
"""


def test_a_program_that_searches_itself_does_not_find_the_target(judge_own):
    # The planted text shows that the search finds what is there.
    planted = f"{SEARCH}\nplanted = {[HIDDEN]!r}"
    searched, found = judge_own(["assert f(1) == target"], [HIDDEN], SEARCH, planted)
    assert searched.reason is Reason.WRONG_ANSWER
    assert searched.detail == (
        "case 1 does not hold: f(1) == target; found None; shipped NoneType, target str"
    )
    assert found.passed


def test_cases_share_a_process_and_run_in_order(judge_own):
    cases = ["assert f(1) == target", "x = f(1)\nassert x == target", "assert f(x) == target"]
    program = "calls = []\ndef f(x):\n    calls.append(x)\n    return len(calls)"
    (verdict,) = judge_own(cases, [1, 2, 3], program)
    assert verdict.passed


def test_a_judgement_stored_by_a_case_is_not_the_childs_to_make(judge_own):
    agreeable = "class Yes(float):\n    __gt__ = lambda *a: True\ndef f(x): return Yes(-1)"
    (verdict,) = judge_own(["ok = f(1) > 0\nassert ok == target"], [True], agreeable)
    assert verdict.reason is Reason.WRONG_ANSWER


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="needs SciCode's problems in ../shared/data")
def test_gold_code_of_scicodes_dev_problems_passes_50_of_50():
    file = DATA / "problems_dev.jsonl"
    problems = load_problems(file, upstream=DATA / "upstream", given=Given.WHOLE).problems
    gold = [pair for problem in problems for pair in gold_programs(problem).items()]
    verdicts = run_all(problems, DATA / "targets_dev.h5", gold, limits=Limits())
    assert len(verdicts) == 50
    assert [step_id for (step_id, _), v in zip(gold, verdicts, strict=True) if not v.passed] == []
