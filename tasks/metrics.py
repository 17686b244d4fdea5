"""verdict -> metrics: the stage that turns all attempts into the metrics document."""

from collections.abc import Mapping, Sequence

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.core.json_value import JsonValue
from tasks.core.protocols import Benchmark, published_scores
from tasks.core.records import AttemptResult, Problem
from tasks.core.remarks import Remark
from tasks.core.reporting import count_failures, count_reasons, metrics_document, problem_rows
from tasks.core.scoring import score


@task(name="aggregate", task_run_name="aggregate", cache_policy=NO_CACHE, persist_result=False)
def aggregate(
    attempts: Sequence[AttemptResult],
    given: Mapping[str, int],
    details: Mapping[str, JsonValue],
    benchmark: Benchmark | None,
    *,
    restricted: bool,
    remarks: Sequence[Remark] = (),
) -> dict[str, JsonValue]:
    """Compute metrics.json.

    Args:
        attempts: every repeat of every problem.
        given: how many sub-steps of a problem are given.
        details: settings that a reader needs to compare the score with another.
        benchmark: the published benchmark that the problems come from, if any.
        restricted: whether sub-steps without targets were left out.
        remarks: what else a reader should know.
    """
    protocols = published_scores(attempts, given, restricted=restricted, benchmark=benchmark)
    reasons = count_reasons(attempts)
    document = metrics_document(
        score(attempts), protocols, reasons=reasons, details=details, remarks=remarks
    )
    return {**document, "failures": count_failures(attempts)}


def problem_table(attempts: Sequence[AttemptResult], problems: Sequence[Problem]) -> pd.DataFrame:
    """Return the per-problem table, one row a problem in natural order."""
    names = {problem.problem_id: problem.name for problem in problems}
    return pd.DataFrame.from_records(problem_rows(attempts, names))


def given_counts(problems: Sequence[Problem]) -> dict[str, int]:
    """Count the given sub-steps of the problems that have any."""
    counts = {p.problem_id: sum(s.given is not None for s in p.sub_steps) for p in problems}
    return {problem_id: count for problem_id, count in counts.items() if count}
