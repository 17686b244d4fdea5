"""What a run publishes can be read back from the server."""

import asyncio
import json
from pathlib import Path

import pytest

from tasks.artifacts import PROBLEMS_KEY, SUMMARY_KEY, publish
from tasks.core.records import AttemptResult, Problem, Reason, StepResult, Usage
from tasks.metrics import aggregate, problem_table

ATTEMPTS = [AttemptResult("1", 0, (StepResult("1.1", Reason.PASSED),), Usage(3, 2))]
PROBLEMS = [Problem("1", "one | *two*", "", ())]


@pytest.fixture
def published(prefect_api: str) -> dict[str, str]:
    """Publish a run, and return the newest artifact of each key as the server has it."""
    del prefect_api
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

    async def talk() -> dict[str, str]:
        document = aggregate.fn(ATTEMPTS, {}, {"model": "m"}, None, restricted=False)
        table, report = problem_table(ATTEMPTS, PROBLEMS), Path("runs/a_`b`/report.html")
        runs = {"10": "id-of-10", "2": "id-of-2"}
        await publish(document, table, "a_model", "a_set", report, runs)
        found: dict[str, str] = {}
        async with get_client() as client:
            for key in (SUMMARY_KEY, PROBLEMS_KEY):
                only = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
                artifacts = await client.read_artifacts(artifact_filter=only)
                newest = max(artifacts, key=lambda artifact: artifact.created)
                assert "a_model on a_set" in str(newest.description)
                found[key] = str(newest.data)
                found[f"{key} description"] = str(newest.description)
        return found

    return asyncio.run(talk())


def test_the_summary_and_the_table_are_published(published: dict[str, str]) -> None:
    summary = published[SUMMARY_KEY]
    assert summary.startswith("# a\\_model on a\\_set")
    assert "**subtask_accuracy 1.0**: 1 of 1 scored sub-steps passed" in summary
    assert summary.endswith("\nreport: ``runs/a_`b`/report.html``\n")
    (row,) = json.loads(published[PROBLEMS_KEY])
    assert row["problem"] == "1"
    assert (row["passed"], row["scored"], row["tokens"]) == (1, 1, 5)


def test_the_table_links_to_the_problems_in_their_order(published: dict[str, str]) -> None:
    description = published[f"{PROBLEMS_KEY} description"]
    assert description == (
        "a_model on a_set, one row a problem; verdicts and log of "
        "[2](/runs/flow-run/id-of-2) [10](/runs/flow-run/id-of-10)"
    )
