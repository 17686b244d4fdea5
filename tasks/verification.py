"""program -> verdict: the stage that runs one sub-step's program and has it judged."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.core.records import Candidate, Verdict
from tasks.verifier import Verifier


@task(
    name="verify",
    task_run_name="verify {step_id} · repeat {repeat}",
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def verify(
    verifier: Verifier, repeat: int, step_id: str, program: str, candidate: Candidate | None
) -> Verdict:
    """Run the program in the sandbox and judge what it ships; `repeat` names the task run."""
    del repeat
    return await verifier.verify(step_id, program, candidate)
