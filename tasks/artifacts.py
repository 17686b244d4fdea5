"""metrics -> report: the stage that publishes a run's results where Prefect's users look."""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast
from uuid import UUID

import httpx
import pandas as pd
from prefect import task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger

from tasks.core.json_value import JsonValue
from tasks.core.markdown_text import code_span
from tasks.core.ordering import natural_key
from tasks.core.records import Problem, Verdict
from tasks.core.reporting import headline, summary_markdown
from tasks.core.verdict_rows import verdict_rows
from tasks.flow_pages import link

SUMMARY_KEY = "scicode-summary"
PROBLEMS_KEY = "scicode-problems"
PROBLEM_KEY = "scicode-problem"
PROGRESS_KEY = "scicode-progress"

_NO_FLOW_RUNS: Mapping[str, str] = MappingProxyType({})

_log = logging.getLogger(__name__)


async def publish_problem(
    problem: Problem, attempts: Sequence[Mapping[str, Verdict]], evaluation: str
) -> None:
    """Create the table of a problem's verdicts, on the page of the flow run that calls.

    `evaluation` is the id of the flow run that the table links to.
    """
    where = link("this evaluation", evaluation)
    await acreate_table_artifact(
        key=f"{PROBLEM_KEY}-{_slug(problem.problem_id)}",
        table=cast("list[dict[str, Any]]", verdict_rows(attempts)),
        description=f"{problem.problem_id} {problem.name}, in {where}",
    )


class LiveArtifact:
    """A Markdown artifact of the flow run that calls, rewritten each time."""

    def __init__(self) -> None:
        """Create nothing yet."""
        self._id: UUID | None = None

    async def show(self, markdown: str) -> None:
        """Show this text from now on; a server that does not answer shows the last one."""
        try:
            if self._id is None:
                self._id = await acreate_markdown_artifact(key=PROGRESS_KEY, markdown=markdown)
            else:
                async with get_client() as client:
                    await client.update_artifact(self._id, ArtifactUpdate(data=markdown))
        except (httpx.HTTPError, PrefectException) as error:
            _log.warning("the progress artifact was not updated: %r", error)


@task(name="publish", task_run_name="publish", cache_policy=NO_CACHE, persist_result=False)
async def publish(
    document: Mapping[str, JsonValue],
    table: pd.DataFrame,
    model: str,
    dataset: str,
    report: Path,
    flow_runs: Mapping[str, str] = _NO_FLOW_RUNS,
) -> None:
    """Create the markdown summary, which says where the report is, and the per-problem table.

    The table links to the problems' `flow_runs`, where their verdicts and their logs are.
    """
    summary = summary_markdown(document, model=model, dataset=dataset)
    await acreate_markdown_artifact(
        key=SUMMARY_KEY,
        markdown=f"{summary}\nreport: {code_span(str(report))}\n",
        description=f"{model} on {dataset}",
    )
    ids = sorted(flow_runs, key=natural_key)
    links = " ".join(link(problem_id, flow_runs[problem_id]) for problem_id in ids)
    title = f"{model} on {dataset}, one row a problem"
    await acreate_table_artifact(
        key=PROBLEMS_KEY,
        table=cast("list[dict[str, Any]]", table.to_dict("records")),
        description=f"{title}; verdicts and log of {links}" if links else title,
    )
    get_run_logger().info("%s: %s; report: %s", *headline(document), report)


def _slug(text: str) -> str:
    """Write a text with what a key may hold: lower case, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"
