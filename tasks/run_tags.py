"""Between flows and the server: words by which people find a flow run again.

Only flow runs are tagged: for the tags of a task run Prefect asks the server for a place in their
concurrency limits, which costs a request each time.
"""

from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext


async def tag_flow_run(*tags: str) -> None:
    """Add tags to the flow run that calls."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    kept = context.flow_run.tags
    async with get_client() as client:
        await client.update_flow_run(context.flow_run.id, tags={*kept, *tags})
