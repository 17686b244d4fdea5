"""program -> verdict for whoever asks: the verifier as a long-lived service, without its HTTP.

The queue counts sub-steps, not requests: a request is let in if all its programs have room, so that
what is let in is finished. Trouble of the verifier itself is an error and never a reward.
"""

import asyncio
import json
import logging
import math
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from enum import StrEnum

from flows.dataset import load_dataset, worker_count
from flows.lines import rollout_line, verdict_line
from flows.opening import open_verifier
from flows.service_config import ServiceConfig
from flows.service_metrics import ServiceMetrics
from tasks.core.errors import BusyError, EvalError, RequestError, SandboxError, ServiceError
from tasks.core.json_value import JsonValue
from tasks.core.records import Problem, Reason, Verdict
from tasks.core.verify_request import (
    ScoredProgram,
    VerifyRequest,
    read_request,
    score_request,
    select_programs,
)

_log = logging.getLogger(__name__)

_LONGEST_RETRY_S = 60


class ServiceState(StrEnum):
    """Where a service is in its life."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"


class VerifierService:
    """Verifies requests while `run` runs.

    Attributes:
        state: where the service is in its life.
        aborted: set when the time to end is over; whoever waits for a verdict stops waiting.
        metrics: what was done since the start.
        started: set once `run` has the dataset and the verifier.
    """

    def __init__(self, config: ServiceConfig) -> None:
        self.state = ServiceState.STARTING
        self.started = asyncio.Event()
        self.aborted = asyncio.Event()
        self.metrics = ServiceMetrics()
        self._config = config
        self._workers = worker_count(config)
        self._pending = 0
        self._fault: str | None = None

    async def run(self) -> None:
        """Load the dataset, start the verifier and keep it until this call is cancelled.

        Raises:
            EvalError: the dataset cannot be used, or the verifier cannot be started.
        """
        loaded = await asyncio.to_thread(load_dataset, self._config)
        async with AsyncExitStack() as stack:
            opened = await open_verifier(self._config, loaded, stack)
            self._verifier, self._dataset = opened.verifier, opened.dataset
            self._problems: Mapping[str, Problem] = {
                problem.problem_id: problem for problem in opened.dataset.problems
            }
            if self.state is ServiceState.STARTING:
                self.state = ServiceState.READY
            self.started.set()
            await asyncio.Event().wait()

    def stop(self) -> None:
        """Take no more requests; called again, give up those that run."""
        if self.state is ServiceState.STOPPING:
            self.aborted.set()
        self.state = ServiceState.STOPPING

    async def verify(self, body: bytes | bytearray) -> str:
        """Answer the body of a request with the body of the reply.

        Raises:
            RequestError: the request cannot be answered as it is.
            EvalError: the verifier could not do its work.
        """
        if self.state is not ServiceState.READY:
            raise ServiceError(f"the verifier is {self.state}; try again, or ask another one")
        request = read_request(body)
        programs = select_programs(request, self._problems, self._dataset.scored)
        return _answer(request, await self._verify_all(programs))

    def health(self) -> tuple[bool, dict[str, JsonValue]]:
        """Tell whether requests are verified, and how.

        A verifier that failed is broken until it has verified another program; the log says how.
        """
        if self.state is not ServiceState.READY:
            return False, {"status": str(self.state)}
        isolation = self._verifier.isolation
        about: dict[str, JsonValue] = {
            "status": "ok" if self._fault is None else "broken",
            "level": str(isolation.level),
            "isolation": str(isolation),
            "dataset": self._dataset.name,
            "problems": len(self._problems),
            "scored_steps": len(self._dataset.scored),
        }
        return self._fault is None, about

    def metrics_text(self) -> str:
        """Return the metrics in Prometheus' text format."""
        running = min(self._pending, self._workers)
        return self.metrics.text(
            {
                "running_steps": ("Sub-steps that run, as far as memory admits.", running),
                "queued_steps": ("Sub-steps that wait.", self._pending - running),
                "queue_limit": ("Sub-steps that may wait or run.", self._config.queue),
            }
        )

    async def _verify_all(self, programs: Sequence[ScoredProgram]) -> dict[str, Verdict]:
        to_run = [p for p in programs if p.settled is None]
        self._check_room(len(to_run))
        try:
            async with asyncio.TaskGroup() as group:
                running = {p.step_id: self._enqueue(group, p) for p in to_run}
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        verdicts = {p.step_id: p.settled or running[p.step_id].result() for p in programs}
        for step_id, verdict in verdicts.items():
            self.metrics.count_verdict(verdict, ran=step_id in running)
        return verdicts

    def _check_room(self, wanted: int) -> None:
        if wanted > self._config.queue:
            raise RequestError(
                f"{wanted} sub-steps to run never fit into a queue of {self._config.queue}; ask "
                f"for fewer at once, or start the service with --queue {wanted} or more"
            )
        if self._pending + wanted > self._config.queue:
            wait_s = self.metrics.mean_program_s * self._pending / self._workers
            raise BusyError(
                f"{wanted} sub-steps to run, and {self._pending} of at most {self._config.queue} "
                "wait or run already; try again later",
                min(max(math.ceil(wait_s), 1), _LONGEST_RETRY_S),
            )

    def _enqueue(self, group: asyncio.TaskGroup, program: ScoredProgram) -> asyncio.Task[Verdict]:
        task = group.create_task(self._verify_one(program))
        self._pending += 1
        # Unlike a `finally` in the task, this also happens to one that is cancelled unstarted.
        task.add_done_callback(lambda _: self._leave())
        return task

    def _leave(self) -> None:
        self._pending -= 1

    async def _verify_one(self, program: ScoredProgram) -> Verdict:
        try:
            verdict = await self._verifier.verify(program.step_id, program.program, None)
            if verdict.reason is Reason.UNSCORED:
                raise SandboxError(f"no verdict on {program.step_id}: {verdict.detail}")
        except (EvalError, OSError) as error:
            self._fault = f"sub-step {program.step_id} could not be verified: {error}"
            _log.error("%s", self._fault)
            raise SandboxError(self._fault) from error
        self._fault = None
        return verdict


def _answer(request: VerifyRequest, verdicts: Mapping[str, Verdict]) -> str:
    """Write the reply in the seed's shape; an attempt without scored sub-steps has reward 0 there,
    and says so by `num_steps_total`."""
    attempt = score_request(request.problem_id, verdicts)
    line = rollout_line(attempt)
    reply: dict[str, JsonValue] = {
        "problem_id": attempt.problem_id,
        "reward": line["reward"] or 0.0,
        "step_results": [step.passed for step in attempt.steps],
        "num_steps_passed": line["num_steps_passed"],
        "num_steps_total": line["num_steps_total"],
        "problem_accuracy": attempt.solved,
        "subtask_accuracy": line["subtask_accuracy"] or 0.0,
        "verdicts": {step_id: dict(verdict_line(v)) for step_id, v in verdicts.items()},
    }
    handed_back = request.handed_back.removeprefix("{").removesuffix("}")
    return ", ".join(filter(None, [json.dumps(reply)[:-1], handed_back])) + "}"
