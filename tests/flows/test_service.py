"""The verifier service answers over real HTTP with what `verify` concludes."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import pytest

from flows.config import DataSettings, validate
from flows.dataset import load_dataset, make_verifier
from flows.derive import gold_programs
from tasks.core.records import Verdict

if TYPE_CHECKING:
    from tests.flows.conftest import ServedVerifier

Serve = Callable[..., "ServedVerifier"]

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

DOUBLE = "def double(x):\n    return 2 * x\n"
QUADRUPLE = DOUBLE + "def quadruple(x):\n    return double(double(x))\n"
WRONG = DOUBLE + "def quadruple(x):\n    return 5 * x\n"
OCTUPLE = QUADRUPLE + "def octuple(x):\n    return 2 * quadruple(x)\n"
GREET_TWICE = "def greet_twice(name):\n    return ['hello ' + name] * 2\n"


def test_gold_programs_of_the_example_get_the_whole_reward(serve: Serve) -> None:
    service = serve("--dataset", "example")
    dataset = load_dataset(validate(DataSettings, {}))
    for problem in dataset.problems:
        solutions = dict(gold_programs(problem))
        reply = service.post(problem.problem_id, solutions).json()
        assert reply["reward"] == 1.0, reply
        assert reply["num_steps_total"] == len(solutions)
    health = service.http.get("/healthz")
    assert health.status_code == 200
    assert health.json()["dataset"] == "example"
    # The example's README counts 10 problems with 43 scored sub-steps.
    assert (health.json()["problems"], health.json()["scored_steps"]) == (10, 43)
    assert health.json()["level"] in ("full", "strong")


def test_one_wrong_sub_step_costs_the_reward_and_its_share(small_service: ServedVerifier) -> None:
    solutions = {"1.3": OCTUPLE, "1.1": DOUBLE, "1.2": WRONG}
    reply = small_service.post("1", solutions).json()
    verdicts = reply.pop("verdicts")
    # 1.2 fails, 1.1 and 1.3 pass: 2 of 3.
    assert reply == {
        "problem_id": "1",
        "reward": 0.0,
        "step_results": [True, False, True],
        "num_steps_passed": 2,
        "num_steps_total": 3,
        "problem_accuracy": False,
        "subtask_accuracy": 2 / 3,
    }
    assert reply["problem_accuracy"] is False
    assert {i: v["reason"] for i, v in verdicts.items()} == {
        "1.1": "passed",
        "1.2": "wrong_answer",
        "1.3": "passed",
    }
    assert {"passed", "reason", "detail", "duration_s", "layers"} <= set(verdicts["1.2"])
    assert verdicts["1.1"]["duration_s"] > 0
    assert "rlimits" in verdicts["1.1"]["layers"]


def test_sub_steps_without_a_program_and_given_ones_are_not_scored(
    small_service: ServedVerifier,
) -> None:
    reply = small_service.post("2", {"2.1": "raise ValueError", "2.2": GREET_TWICE}).json()
    assert (reply["reward"], reply["step_results"], list(reply["verdicts"])) == (
        1.0,
        [True],
        ["2.2"],
    )
    reply = small_service.post("1", {"1.2": QUADRUPLE}).json()
    assert (reply["reward"], reply["num_steps_total"]) == (1.0, 1)


def test_nothing_runs_for_what_the_agent_could_not_generate(small_service: ServedVerifier) -> None:
    before = small_service.gauge("scicode_verifier_program_seconds_count")
    reply = small_service.post("1", {"1.1": "", "1.2": "_ran_out_of_context_"}).json()
    assert (reply["reward"], reply["num_steps_passed"], reply["num_steps_total"]) == (0.0, 0, 2)
    assert {i: v["reason"] for i, v in reply["verdicts"].items()} == {
        "1.1": "no_code",
        "1.2": "context_overflow",
    }
    assert small_service.gauge("scicode_verifier_program_seconds_count") == before


def test_an_attempt_without_scored_sub_steps_says_so(small_service: ServedVerifier) -> None:
    reply = small_service.post("2", {"2.1": "x = 1"}).json()
    assert reply == {
        "problem_id": "2",
        "reward": 0.0,
        "step_results": [],
        "num_steps_passed": 0,
        "num_steps_total": 0,
        "problem_accuracy": False,
        "subtask_accuracy": 0.0,
        "verdicts": {},
    }


def test_a_whole_rollout_is_taken_and_its_fields_come_back(small_service: ServedVerifier) -> None:
    rollout = {
        "responses_create_params": {"input": [{"role": "user", "content": "ü" * 200_000}]},
        "response": {"id": "r", "output": [{"text": "\ud800"}], "usage": None},
        "step_usage": [],
    }
    sub_steps = [{"step_number": "1.1", "test_cases": ["assert double(3) == target"], "more": 1}]
    reply = small_service.post(
        "1", {"1.1": DOUBLE}, sub_steps=sub_steps, uuid="1", problem_name="x", **rollout
    ).json()
    assert reply["reward"] == 1.0
    assert {name: reply[name] for name in rollout} == rollout
    assert not {"sub_steps", "solutions", "uuid", "token_usage_version"} & set(reply)


@pytest.mark.parametrize("program", ["x = '\ud800'", "x = 1\0", "\ufeff\x00", "def f(:"])
def test_a_program_that_is_no_python_is_a_failed_one(
    small_service: ServedVerifier, program: str
) -> None:
    reply = small_service.post("1", {"1.1": program})
    assert reply.status_code == 200
    assert reply.json()["verdicts"]["1.1"]["reason"] == "exception"


def test_verdicts_are_those_of_the_verifier(
    small_service: ServedVerifier, shared_small: Path
) -> None:
    programs = [
        ("1.1", DOUBLE),
        ("1.1", "def double(x):\n    return 3 * x\n"),
        ("1.2", WRONG),
        ("1.2", DOUBLE + "def quadruple(x):\n    return 1 / 0\n"),
        ("1.2", "def quadruple(x):\n    return object()\n"),
        ("1.3", "import os\nos._exit(0)"),
        ("1.3", "x = bytearray(2**40)"),
        ("1.3", "import socket\nsocket.socket()"),
    ]
    settings = validate(DataSettings, {"dataset": str(shared_small), "workers": 2})
    dataset = load_dataset(settings)

    async def direct() -> list[Verdict]:
        async with make_verifier(settings, dataset) as verifier:
            return [await verifier.verify(i, text, None) for i, text in programs]

    expected = [(str(v.reason), v.detail) for v in asyncio.run(direct())]
    replies = [small_service.post("1", {i: text}).json() for i, text in programs]
    found = [reply["verdicts"][i] for (i, _), reply in zip(programs, replies, strict=True)]
    assert [(v["reason"], v["detail"]) for v in found] == expected
    assert len({reason for reason, _ in expected}) >= 6


def test_many_callers_at_once_get_their_own_verdicts(small_service: ServedVerifier) -> None:
    solutions = [{"1.1": DOUBLE, "1.2": QUADRUPLE}, {"1.1": DOUBLE, "1.2": WRONG}] * 16
    with ThreadPoolExecutor(len(solutions)) as threads:
        replies = list(threads.map(lambda programs: small_service.post("1", programs), solutions))
    # 32 requests of 2 sub-steps are exactly what the queue holds.
    assert [r.status_code for r in replies] == [200] * 32
    assert [r.json()["step_results"] for r in replies] == [[True, True], [True, False]] * 16


@pytest.mark.parametrize(
    ("problem_id", "step_id", "text"),
    [("3", "3.1", "no problem '3' here"), ("1", "2.2", "no sub-step '2.2'")],
)
def test_unknown_ids_are_not_found(
    small_service: ServedVerifier, problem_id: str, step_id: str, text: str
) -> None:
    reply = small_service.post(problem_id, {step_id: DOUBLE})
    assert reply.status_code == 404
    assert text in reply.json()["detail"]
    assert "reward" not in reply.text


def test_a_program_that_is_no_text_is_the_caller_s_mistake(small_service: ServedVerifier) -> None:
    reply = small_service.post("1", {"1.1": DOUBLE, "1.2": 3})
    assert reply.status_code == 422
    assert reply.json()["detail"].startswith(
        "expected the program of '1.2' to be a string, found int"
    )


def without_targets(small: Path, step_id: str) -> None:
    with h5py.File(small.with_name("targets.h5"), "a") as file:
        del file[step_id]


@linux
def test_a_verifier_that_cannot_judge_gives_no_reward(serve: Serve, small: Path) -> None:
    without_targets(small, "1.3")
    service = serve("--dataset", small, "--scored", "with-targets", "--workers", 1)
    missing = service.post("1", {"1.1": DOUBLE, "1.3": OCTUPLE})
    assert missing.status_code == 503
    assert "no targets for sub-step 1.3" in missing.json()["detail"]
    assert service.http.get("/healthz").status_code == 200

    targets, away = small.with_name("targets.h5"), small.with_name("away.h5")
    targets.rename(away)
    kill_judges(service)
    broken = service.post("1", {"1.1": DOUBLE})
    assert broken.status_code == 503
    assert "sub-step 1.1 could not be verified" in broken.json()["detail"]
    assert "reward" not in broken.text
    health = service.http.get("/healthz")
    assert (health.status_code, health.json()["status"]) == (503, "broken")
    # Why is for the log: /healthz needs no token.
    assert "could not be verified" not in health.text
    service.wait_for("sub-step 1.1 could not be verified")

    shutil.copy(away, targets)
    assert service.post("1", {"1.1": DOUBLE}).json()["reward"] == 1.0
    assert service.http.get("/healthz").status_code == 200
    assert service.gauge('scicode_verifier_requests_total{status="503"}') == 2
    assert service.gauge('scicode_verifier_verdicts_total{reason="passed"}') == 1


def kill_judges(service: ServedVerifier) -> None:
    for pid in service.descendants():
        if b"tasks.judge.process" in Path(f"/proc/{pid}/cmdline").read_bytes():
            subprocess.run(["kill", f"-{signal.SIGKILL.value}", str(pid)], check=True)


def test_the_service_needs_no_prefect() -> None:
    source = "import sys, flows.service_server; print('prefect' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
