"""metrics -> report: the stage that tells Prefect of a checkpoint's score, by event and artifact.

Automations act on the event. They can match the labels of its resource, but not its payload, so
what a person wants to be told of stands in a label.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from prefect import task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event

from tasks.core.json_value import JsonValue
from tasks.flow_pages import flow_run_page

EVALUATED = "scicode.checkpoint.evaluated"
RESOURCE = "scicode.checkpoint"


@task(name="announce", task_run_name="announce {name}", cache_policy=NO_CACHE, persist_result=False)
async def announce(
    key: str, name: str, labels: Mapping[str, str], payload: Mapping[str, JsonValue]
) -> None:
    """Emit the event that a checkpoint was evaluated.

    Args:
        key: names the weights in the resource's id.
        name: of the checkpoint.
        labels: what automations can match, under `scicode.<label>`.
        payload: the metrics.
    """
    emit_event(
        EVALUATED,
        resource={
            "prefect.resource.id": f"{RESOURCE}.{key}",
            "prefect.resource.name": name,
            **{f"scicode.{label}": value for label, value in labels.items()},
        },
        payload=cast("dict[str, Any]", dict(payload)),
    )


@task(name="publish-trend", task_run_name="publish trend", cache_policy=NO_CACHE)
async def publish_trend(key: str, markdown: str, description: str) -> None:
    """Create the next version of the artifact that shows the trend."""
    await acreate_markdown_artifact(key=key, markdown=markdown, description=description)


def flow_run_links(flow_run_ids: Iterable[str]) -> dict[str, str]:
    """Return the pages of flow runs, by id; those without one are left out."""
    links = {flow_run_id: flow_run_page(flow_run_id) for flow_run_id in flow_run_ids}
    return {flow_run_id: link for flow_run_id, link in links.items() if link is not None}
