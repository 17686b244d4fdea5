"""Targets come from gold code, or a message says why they cannot."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from flows.derive import derive_targets, gold_programs
from tasks.core.errors import DatasetError, TargetError
from tasks.core.records import Problem, SubStep
from tasks.targets import TargetFile


def step(number: int, gold: str | None, *cases: str) -> dict[str, object]:
    return {
        "step_number": f"1.{number}",
        "step_description_prompt": "Describe.",
        "step_background": "",
        "function_header": f"def f{number}(x):",
        "return_line": "    return x",
        "test_cases": list(cases),
        "ground_truth_code": gold,
    }


@pytest.fixture
def derive(tmp_path: Path) -> Callable[..., Path]:
    """Derive the targets of one problem's sub-steps; answers with the targets file."""

    def run(*steps: dict[str, object]) -> Path:
        problem = {
            "problem_id": "1",
            "problem_name": "own",
            "required_dependencies": "import numpy as np",
            "sub_steps": steps,
        }
        (tmp_path / "problems.jsonl").write_text(json.dumps(problem) + "\n")
        output = tmp_path / "targets.h5"
        run.count = asyncio.run(derive_targets(tmp_path / "problems.jsonl", output))
        return output

    return run


GOLD = "def f1(x):\n    return 2.0 * x"


def test_what_the_gold_code_returns_becomes_the_target(derive):
    output = derive(
        step(
            1,
            GOLD,
            "assert f1(3) == target",
            "assert np.allclose(f1(np.arange(3)), target)",
            "a, b = target\nassert f1(1) == b and np.allclose(f1(np.ones(2)), a)",
            "limit = 5.0\nassert (f1(3) > limit) == target",
            "assert f1(0) == 0",
        ),
        step(2, "def f2(x):\n    return {'d': f1(x), 's': 1}", "assert f2(4)['d'] == target"),
    )
    assert derive.count == 2
    with TargetFile(output) as file:
        assert file.case_counts() == {"1.1": 5, "1.2": 1}
        assert file.read("1.1", 1) == 6.0
        assert file.read("1.1", 2).tolist() == [0.0, 2.0, 4.0]
        first, second = file.read("1.1", 3)
        assert first.tolist() == [2.0, 2.0]
        assert second == 2.0
        assert file.read("1.1", 4) == np.True_
        assert file.read("1.1", 5) is None
        assert file.read("1.2", 1) == 8.0


def test_a_given_sub_step_enters_the_chain_and_has_no_target(derive):
    output = derive(
        step(1, GOLD), step(2, "def f2(x):\n    return f1(x)", "assert f2(1) == target")
    )
    with TargetFile(output) as file:
        assert file.case_counts() == {"1.2": 1}


@pytest.mark.parametrize(
    ("gold", "case", "error", "message"),
    [
        (None, "assert f1(1) == target", DatasetError, "fill in its ground_truth_code"),
        (GOLD, "assert f1(1) < target", DatasetError, "the target of case 1 of sub-step 1.1"),
        (GOLD, "if f1(1) == target: pass", DatasetError, "case 1 of sub-step 1.1"),
        ("def f1(x): raise KeyError", "assert f1(1) == target", TargetError, "ended with raised"),
        ("def f1(x): return None", "assert f1(1) == target", TargetError, "is None, which"),
        ("def f1(x): return np.nan", "assert np.allclose(f1(1), target)", TargetError,
         "does not pass its own case"),
        ("def f1(x): return 1", "a, b = target\nassert np.allclose((a, b), f1(1))", TargetError,
         "cannot be compared"),
        ("def f1(x): return object()", "assert f1(1) == target", TargetError, "unshippable"),
    ],
)  # fmt: skip
def test_gold_code_that_gives_no_target_is_refused_and_nothing_is_written(
    derive, tmp_path, gold, case, error, message
):
    with pytest.raises(error, match=message.replace(".", r"\.")):
        derive(step(1, gold, case))
    assert not (tmp_path / "targets.h5").exists()


def test_a_gold_program_holds_all_earlier_code():
    given = SubStep("1.1", "", "", "", None, (), given="G = 1")
    second = SubStep("1.2", "", "", "", None, ("assert 1",), gold="H = G")
    third = SubStep("1.3", "", "", "", None, ("assert 1",), gold="I = H")
    programs = gold_programs(Problem("1", "own", "import math", (given, second, third)))
    assert programs == {
        "1.2": "import math\nG = 1\n\nH = G",
        "1.3": "import math\nG = 1\nH = G\n\nI = H",
    }
