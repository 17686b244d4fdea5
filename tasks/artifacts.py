"""metrics -> report: the stage that publishes a run's results where Prefect's users look."""

from collections.abc import Mapping
from typing import Any, cast

import pandas as pd
from prefect import task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.cache_policies import NO_CACHE

from tasks.core.json_value import JsonValue
from tasks.core.reporting import summary_markdown

SUMMARY_KEY = "scicode-summary"
PROBLEMS_KEY = "scicode-problems"


@task(name="publish", task_run_name="publish", cache_policy=NO_CACHE, persist_result=False)
async def publish(
    document: Mapping[str, JsonValue], table: pd.DataFrame, model: str, dataset: str
) -> None:
    """Create the markdown summary and the per-problem table."""
    await acreate_markdown_artifact(
        key=SUMMARY_KEY,
        markdown=summary_markdown(document, model=model, dataset=dataset),
        description=f"{model} on {dataset}",
    )
    await acreate_table_artifact(
        key=PROBLEMS_KEY,
        table=cast("list[dict[str, Any]]", table.to_dict("records")),
        description=f"{model} on {dataset}, one row a problem",
    )
