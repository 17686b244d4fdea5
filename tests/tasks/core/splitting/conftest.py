"""Cuts cases that stand in a test, and runs both parts the way the sandbox and the judge do."""

from collections.abc import Callable, Mapping

import pytest

from tasks.core.judging import bind_slots, evaluate, judge_namespace
from tasks.core.splitting.split import SplitCase, split_cases


@pytest.fixture
def split() -> Callable[..., tuple[SplitCase, ...]]:
    """Cut the cases of sub-step 1.1."""
    return lambda *cases: split_cases("1.1", cases)


@pytest.fixture
def split_one() -> Callable[[str], SplitCase]:
    """Cut a single case."""
    return lambda case: split_cases("1.1", [case])[0]


@pytest.fixture
def verdicts() -> Callable[..., list[bool]]:
    """Run the cases over a candidate's names, and tell which of them hold."""

    def run(
        cases: list[str], candidate: Mapping[str, object], *targets: object, program: str = ""
    ) -> list[bool]:
        namespace: dict[str, object] = {**candidate}
        exec(f"import numpy as np\n{program}", namespace)  # noqa: S102 - written in the test
        held: list[bool] = []
        for number, part in enumerate(split_cases("1.1", cases)):
            exec(part.child.source, namespace)  # noqa: S102 - written in the test
            values = [eval(ship, namespace) for ship in part.child.ships]  # noqa: S307 - as above
            judge = judge_namespace(part.judge, targets[number] if targets else None)
            bind_slots(part.judge, values, judge)
            held.append(bool(evaluate(part.judge.condition, judge)))
        return held

    return run
