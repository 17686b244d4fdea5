"""program -> verdict: the stage that runs one sub-step's program and has it judged."""

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.core.records import Candidate, Verdict
from tasks.verifier import Verifier


async def verify(
    verifier: Verifier, repeat: int, step_id: str, program: str, candidate: Candidate | None
) -> Verdict:
    """Run the program in the sandbox and judge what it ships, or take a verdict that is known."""
    result = await _verify(verifier, repeat, step_id, program, candidate)
    return await result.aresult() if isinstance(result, State) else result


@task(
    name="verify",
    task_run_name="verify {step_id} · repeat {repeat}",
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def _verify(
    verifier: Verifier, repeat: int, step_id: str, program: str, candidate: Candidate | None
) -> Verdict | State[Verdict]:
    """Verify one sub-step; a known verdict shows as state Cached, `repeat` names the task run."""
    del repeat
    verdict = await verifier.verify(step_id, program, candidate)
    return Completed(name="Cached", data=verdict) if verdict.cached else verdict
