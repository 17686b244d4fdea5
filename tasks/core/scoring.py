"""Scores verdicts into metrics, the second to last arrow: all attempts in, named metrics out.

An attempt without scored sub-steps (all of them given, or none with targets) can be neither solved
nor failed. It is left out of the accuracies and of the sub-step means; its tokens were spent and
count. The order of the attempts has no influence on any metric.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeAlias

from tasks.core.errors import EvalError
from tasks.core.estimators import (
    Cluster,
    Interval,
    mean_interval,
    pass_at_k,
    ratio_interval,
    sample_deviation,
)
from tasks.core.ordering import natural_key
from tasks.core.records import AttemptResult, Reason

_Count: TypeAlias = Callable[[AttemptResult], int]


@dataclass(frozen=True, slots=True)
class Metric:
    """A number with what it is over.

    `value` is `numerator / denominator`, `over` names what the denominator counts. A standard
    deviation is no such quotient: its numerator is None and its denominator the number of repeats.
    `interval` is the 95 % interval with problems as the sample, None where there is none.
    """

    value: float
    numerator: float | None
    denominator: int
    over: str
    interval: Interval | None


def score(attempts: Sequence[AttemptResult]) -> Mapping[str, Metric]:
    """Compute every metric of an evaluation, in the order in which a report lists them.

    With more than one repeat R, each metric is followed by `<metric>/std_dev_across_runs`, and
    `pass@<k>/subtask` (mean over scored sub-steps) and `pass@<k>/problem` (mean over problems that
    have any) follow for k = 1..R.

    Raises:
        EvalError: If the attempts are no complete evaluation, see `check_complete`.
    """
    check_complete(attempts)
    repeats = sorted({attempt.repeat for attempt in attempts})
    metrics = _metrics(attempts)
    if len(repeats) == 1:
        return metrics
    runs = [_metrics([a for a in attempts if a.repeat == repeat]) for repeat in repeats]
    scores: dict[str, Metric] = {}
    for name, metric in metrics.items():
        scores[name] = metric
        scores[f"{name}/std_dev_across_runs"] = _spread([run[name].value for run in runs])
    for k in range(1, len(repeats) + 1):
        scores |= _passes_at(attempts, k)
    return scores


def check_complete(attempts: Sequence[AttemptResult]) -> None:
    """Refuse attempts that are not one whole evaluation, since a score of a part is not a score.

    Raises:
        EvalError: If there is nothing to score, a (problem, repeat) comes twice, problems differ in
            their repeats, repeats of a problem differ in their scored sub-steps, or a sub-step is
            unscored.
    """
    if not any(attempt.steps for attempt in attempts):
        raise EvalError(
            f"expected attempts with scored sub-steps, found none in {len(attempts)} attempts; "
            "choose problems that have test cases and targets"
        )
    _check_verdicts(attempts)
    _check_repeats(attempts)
    _check_steps(attempts)


def by_problem(attempts: Iterable[AttemptResult]) -> list[tuple[AttemptResult, ...]]:
    """Group attempts by problem, problems in natural order, repeats ascending."""
    ordered = sorted(attempts, key=lambda a: (natural_key(a.problem_id), a.repeat))
    return [tuple(group) for _, group in groupby(ordered, key=lambda a: a.problem_id)]


def _metrics(attempts: Sequence[AttemptResult]) -> dict[str, Metric]:
    scored = [attempt for attempt in attempts if attempt.steps]
    solved = _ratio(scored, lambda a: a.solved, lambda _: 1, "scored attempts")
    total = _mean(scored, lambda a: len(a.steps), solved.over)
    return {
        "subtask_accuracy": _ratio(
            scored, lambda a: a.num_passed, lambda a: len(a.steps), "scored sub-steps"
        ),
        "mean/problem_accuracy": solved,
        "mean/reward": solved,
        "mean/num_steps_passed": _mean(scored, lambda a: a.num_passed, solved.over),
        # The benchmark fixes this one; it is no estimate.
        "mean/num_steps_total": replace(total, interval=None),
        "mean/input_tokens": _mean(attempts, lambda a: a.usage.input_tokens, "attempts"),
        "mean/output_tokens": _mean(attempts, lambda a: a.usage.output_tokens, "attempts"),
        "mean/total_tokens": _mean(attempts, lambda a: a.usage.total_tokens, "attempts"),
    }


def _ratio(attempts: Iterable[AttemptResult], part: _Count, whole: _Count, over: str) -> Metric:
    groups = by_problem(attempts)
    return _quotient([Cluster(sum(map(part, g)), sum(map(whole, g))) for g in groups], over)


def _quotient(clusters: Sequence[Cluster], over: str, *, repeats: int = 1) -> Metric:
    total = math.fsum(cluster.part for cluster in clusters)
    numerator = int(total) if total.is_integer() else total
    denominator = sum(int(cluster.whole) for cluster in clusters)
    interval = ratio_interval(clusters, repeats=repeats)
    return Metric(numerator / denominator, numerator, denominator, over, interval)


def _mean(attempts: Sequence[AttemptResult], count: _Count, over: str) -> Metric:
    means = [math.fsum(map(count, group)) / len(group) for group in by_problem(attempts)]
    total = sum(map(count, attempts))
    return Metric(total / len(attempts), total, len(attempts), over, mean_interval(means))


def _spread(values: Sequence[float]) -> Metric:
    return Metric(sample_deviation(values), None, len(values), "repeats", None)


def _passes_at(attempts: Sequence[AttemptResult], k: int) -> dict[str, Metric]:
    groups = by_problem(attempt for attempt in attempts if attempt.steps)
    steps = [Cluster(_steps_passed_at(group, k), len(group[0].steps)) for group in groups]
    repeats = len(groups[0])
    problems = [Cluster(pass_at_k(repeats, sum(a.solved for a in group), k), 1) for group in groups]
    return {
        f"pass@{k}/subtask": _quotient(steps, "distinct scored sub-steps", repeats=repeats),
        f"pass@{k}/problem": _quotient(problems, "scored problems", repeats=repeats),
    }


def _steps_passed_at(group: Sequence[AttemptResult], k: int) -> float:
    passes = Counter(step.step_id for a in group for step in a.steps if step.passed)
    return math.fsum(pass_at_k(len(group), passes[s.step_id], k) for s in group[0].steps)


def _check_verdicts(attempts: Iterable[AttemptResult]) -> None:
    unscored = [
        f"{step.step_id} (repeat {attempt.repeat})"
        for group in by_problem(attempts)
        for attempt in group
        for step in attempt.steps
        if step.reason is Reason.UNSCORED
    ]
    if unscored:
        raise EvalError(
            f"expected a verdict for every scored sub-step, found {len(unscored)} unscored, first "
            f"{unscored[0]}; start the evaluation again with the same output to complete it"
        )


def _check_repeats(attempts: Iterable[AttemptResult]) -> None:
    groups = [(group[0].problem_id, [a.repeat for a in group]) for group in by_problem(attempts)]
    for problem_id, repeats in groups:
        if len(set(repeats)) < len(repeats):
            raise EvalError(
                f"expected one attempt for each repeat of problem {problem_id}, found repeats "
                f"{repeats}; remove the attempts that come twice"
            )
    first_id, expected = groups[0]
    for problem_id, repeats in groups:
        if repeats != expected:
            raise EvalError(
                f"expected the same repeats of every problem, found {expected} of problem "
                f"{first_id} and {repeats} of problem {problem_id}; complete the missing attempts"
            )


def _check_steps(attempts: Iterable[AttemptResult]) -> None:
    for group in by_problem(attempts):
        expected = sorted({step.step_id for step in group[0].steps}, key=natural_key)
        for attempt in group:
            found = sorted((step.step_id for step in attempt.steps), key=natural_key)
            if found != expected:
                raise EvalError(
                    f"expected scored sub-steps {expected} once each in every repeat of problem "
                    f"{attempt.problem_id}, found {found} in repeat {attempt.repeat}; complete "
                    "the attempt or remove what comes twice"
                )
