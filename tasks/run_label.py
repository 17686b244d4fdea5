"""Between flows and the server: the name and the words by which people find a flow run again.

Only flow runs are tagged: for the tags of a task run Prefect asks the server for a place in their
concurrency limits, which costs a request each time.
"""

from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext


async def label_flow_run(name: str, *tags: str) -> None:
    """Name the flow run that calls, and add tags to it.

    A subflow is made with its name, but one that is run again keeps the name that it had, which
    may be another's.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    kept = context.flow_run.tags
    async with get_client() as client:
        await client.update_flow_run(context.flow_run.id, name=name, tags={*kept, *tags})
