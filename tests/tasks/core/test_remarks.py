"""What a reader of the score should know besides the numbers."""

from tasks.core.records import AttemptResult, Reason, StepResult, Usage, Verdict
from tasks.core.remarks import remark_environments, remark_guessable, remark_unstable
from tasks.core.rulings import TryRule

P, W, T = Reason.PASSED, Reason.WRONG_ANSWER, Reason.TIMEOUT


def attempt(*steps: StepResult) -> AttemptResult:
    return AttemptResult("1", 0, steps, Usage(0, 0))


def test_nothing_is_said_where_nothing_was_tried_again_or_elsewhere() -> None:
    plain = [attempt(StepResult("1.1", P), StepResult("1.2", W))]
    assert remark_unstable(plain, TryRule.FIRST) is None
    assert remark_environments(plain) is None


def test_unstable_sub_steps_are_named_with_their_tries_and_the_rule() -> None:
    steps = (
        StepResult("1.1", W, tries=(W, W)),
        StepResult("1.2", W, tries=(W, P)),
        StepResult("1.3", P),
    )
    remark = remark_unstable([attempt(*steps)], TryRule.ANY)
    assert remark is not None
    assert remark.text == (
        "2 verifications were tried again, 1 unstable (1.2); the score rule is 'any': one passing "
        "try is enough"
    )
    assert remark.data["unstable"] == [
        {"step_id": "1.2", "repeat": 0, "tries": ["wrong_answer", "passed"]}
    ]


def test_stable_tries_are_said_to_be_stable() -> None:
    remark = remark_unstable([attempt(StepResult("1.1", W, tries=(W, W)))], TryRule.FIRST)
    assert remark is not None
    assert "all of them stable" in remark.text


def test_environments_are_counted_apart() -> None:
    steps = (
        StepResult("1.1", P, environments=(("old", P), ("new", P))),
        StepResult("1.2", P, environments=(("old", P), ("new", W))),
        StepResult("1.10", W, environments=(("old", W), ("new", T))),
    )
    remark = remark_environments([attempt(*steps)])
    assert remark is not None
    # 1.1 and 1.2 pass in old, 1.1 in new; only 1.2 passes in one and fails in the other.
    assert remark.data == {"programs": 3, "passed": {"old": 2, "new": 1}, "differing": ["1.2"]}
    assert remark.text == (
        "of 3 programs 2 in old, 1 in new passed; one that passes in any of them counts as passed; "
        "sub-steps in which they differ: 1 (1.2)"
    )


def test_a_result_takes_from_its_verdict_what_counts() -> None:
    verdict = Verdict(W, "d", environments=(("a", W),), tries=(W, P), inherited_from="1.1")
    assert StepResult.of("1.2", verdict) == StepResult("1.2", W, "1.1", (("a", W),), (W, P))


def test_what_can_be_guessed_is_counted_apart() -> None:
    steps = (StepResult("1.1", P), StepResult("1.2", W), StepResult("1.3", W))
    remark = remark_guessable([attempt(*steps)], {"1.1", "9.9"})
    assert remark is not None
    assert remark.text == (
        "sub-steps that can be passed by guessing: 1 (1.1), passed 1 of 1; without them 0 of 2"
    )
    assert remark.data["subtask_accuracy_without"] == 0.0
    assert remark_guessable([attempt(*steps)], {"9.9"}) is None
