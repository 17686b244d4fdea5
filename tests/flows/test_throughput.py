"""The endpoint is kept full: every slot is in use, and no verification holds up a generation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.config import EvalConfig
from tasks.targets import write_targets

if TYPE_CHECKING:
    from tests.conftest import Endpoint

Evaluate = Callable[[EvalConfig], dict[str, Any]]
MakeConfig = Callable[..., EvalConfig]
ReadLines = Callable[[Path], list[dict[str, Any]]]

# Sub-steps by problem; the ids say nothing of the length.
CHAINS = {"1": 1, "2": 2, "3": 5, "4": 2, "5": 3}
LAST = {f"{problem_id}.{length}" for problem_id, length in CHAINS.items()}
SLOTS = 3
SLEEP_S = 4.0


def sub_step(step_id: str) -> dict[str, object]:
    """One whose code has nothing to do with that of any other."""
    name = f"f_{step_id.replace('.', '_')}"
    return {
        "step_number": step_id,
        "step_description_prompt": f"Describe {step_id}.",
        "step_background": "",
        "function_header": f"def {name}():",
        "return_line": "    return 1",
        "test_cases": [f"assert {name}() == target"],
        "ground_truth_code": f"def {name}():\n    return 1",
    }


@pytest.fixture
def chains(small: Path) -> Path:
    """Put problems with chains of different length in the place of the small benchmark's."""
    problems = [
        {
            "problem_id": problem_id,
            "problem_name": f"chain_{problem_id}",
            "required_dependencies": "",
            "sub_steps": [sub_step(step_id) for step_id in steps(problem_id)],
        }
        for problem_id in CHAINS
    ]
    small.write_text("".join(json.dumps(problem) + "\n" for problem in problems))
    targets = {step_id: [1] for problem_id in CHAINS for step_id in steps(problem_id)}
    write_targets(small.with_name("targets.h5"), targets)
    return small


def steps(problem_id: str) -> list[str]:
    """Return the sub-steps of a problem."""
    return [f"{problem_id}.{number}" for number in range(1, CHAINS[problem_id] + 1)]


def asked(prompt: str) -> str:
    """Return the sub-step that a prompt asks for, the last that it describes."""
    return prompt.rpartition("Describe ")[2].partition(".\n")[0]


class FullHouse:
    """Lets the endpoint answer one request whenever as many are there as there can be.

    `found` has the requests in flight at every answer, `most` the most that ever were.
    """

    def __init__(self, endpoint: Endpoint, repeats: int) -> None:
        self.found: list[int] = []
        self.most = 0
        self._endpoint = endpoint
        self._left = repeats * len(CHAINS)

    def __call__(self, prompt: str) -> bool:
        in_flight = self._endpoint.in_flight
        self.most = max(self.most, in_flight)
        if in_flight < min(SLOTS, self._left):
            return False
        self.found.append(in_flight)
        self._left -= asked(prompt) in LAST
        return True


@pytest.mark.usefixtures("chains")
def test_every_slot_is_in_use_until_fewer_chains_than_slots_are_left_and_the_longest_begin(
    evaluate: Evaluate, small_config: MakeConfig, endpoint: Endpoint
) -> None:
    """An endpoint that answers only then would never answer otherwise."""
    house = endpoint.gate = FullHouse(endpoint, repeats=1)
    evaluate(small_config(concurrency=SLOTS))
    # 13 sub-steps, each answered by the rule and not since the endpoint lost its patience.
    assert (len(house.found), house.most) == (13, SLOTS)
    begun = [asked(prompt) for prompt in endpoint.prompts if asked(prompt).endswith(".1")]
    # Those of 5, 3 and 2 sub-steps together, then the other of 2, then that of 1.
    assert (set(begun[:3]), begun[3:]) == ({"3.1", "5.1", "2.1"}, ["4.1", "1.1"])


@pytest.mark.usefixtures("chains")
def test_repeats_fill_the_slots_too(
    evaluate: Evaluate, small_config: MakeConfig, endpoint: Endpoint
) -> None:
    house = endpoint.gate = FullHouse(endpoint, repeats=2)
    evaluate(small_config(concurrency=SLOTS, repeats=2))
    assert (len(house.found), house.most) == (2 * 13, SLOTS)


def test_a_program_that_takes_long_delays_no_generation(
    evaluate: Evaluate, small_config: MakeConfig, endpoint: Endpoint, read_lines: ReadLines
) -> None:
    """The only worker is busy with 1.1, and the only slot for requests goes round all the same."""
    endpoint.answer(
        {
            "1.1": f"def double(x):\n    __import__('time').sleep({SLEEP_S})\n    return 2 * x",
            "1.2": "def quadruple(x):\n    return 4 * x",
            "1.3": "def octuple(x):\n    return 8 * x",
        }
    )
    config = small_config(concurrency=1, workers=1)
    verdicts = config.output / "verdicts.jsonl"
    judged: list[tuple[str, bool]] = []

    def look(prompt: str) -> bool:
        judged.append((asked(prompt), verdicts.stat().st_size > 0))
        return True

    endpoint.gate = look
    evaluate(config)
    # The requests of both problems, each before there was any verdict.
    assert judged == [("1.1", False), ("1.2", False), ("1.3", False), ("2.2", False)]
    slow = next(line for line in read_lines(verdicts) if line["step_id"] == "1.1")
    assert slow["passed"]
    assert slow["duration_s"] >= SLEEP_S
