"""prompt -> generation: the stage that asks the model, or remembers what it answered."""

from collections import Counter
from dataclasses import replace

from anyio import CapacityLimiter, to_thread
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.core.caching import generation_key
from tasks.core.model_settings import ModelSettings
from tasks.core.records import Answered, StepKey
from tasks.core.request_name import request_name
from tasks.generation_cache import GenerationCache
from tasks.patience import PatientClient

# A disk makes many answers safe in about the time of one, if they come to it together.
_AT_THE_DISK = 32


class CachedModel:
    """The model behind its cache.

    `asked` and `cached` count the answers that came from the endpoint and from the cache.
    """

    def __init__(
        self, client: PatientClient, settings: ModelSettings, cache: GenerationCache
    ) -> None:
        self.settings = settings
        self.asked = 0
        self.cached = 0
        self._client = client
        self._cache = cache
        self._at_the_disk = CapacityLimiter(_AT_THE_DISK)

    @property
    def troubles(self) -> Counter[str]:
        """The tries of requests that failed, by what happened."""
        return self._client.troubles

    async def answer(self, key: StepKey, prompt: str) -> Answered:
        """Return the cached generation, or ask the model and keep its answer.

        Raises:
            UnansweredError: this one stays without an answer.
            ProviderError: nothing more can be asked.
        """
        settings = _of_repeat(self.settings, key.repeat)
        digest = generation_key(prompt, settings, key)
        # Both wait for the disk, which should hold up no other chain.
        kept = await to_thread.run_sync(self._cache.get, digest, limiter=self._at_the_disk)
        if kept is not None:
            self.cached += 1
            return Answered(kept, cached=True)
        generation = await self._client.ask(prompt, settings, request_name(key, digest))
        self.asked += 1
        await to_thread.run_sync(
            self._cache.put, digest, key, settings, generation, limiter=self._at_the_disk
        )
        return Answered(generation, cached=False)


def _of_repeat(settings: ModelSettings, repeat: int) -> ModelSettings:
    """Give every repeat a seed of its own: under one seed, repeats would be copies."""
    return settings if settings.seed is None else replace(settings, seed=settings.seed + repeat)


# The cache is ours and not Prefect's: an entry is written atomically, and stays readable and
# shared between runs whatever server or result storage a run used.
@task(
    name="generate",
    task_run_name="generate {step_id} · repeat {repeat}",
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def generate(
    model: CachedModel, problem_id: str, repeat: int, step_id: str, prompt: str
) -> Answered | State[Answered]:
    """Ask the model once for one sub-step; a remembered answer shows as state Cached."""
    answered = await model.answer(StepKey(problem_id, repeat, step_id), prompt)
    return Completed(name="Cached", data=answered) if answered.cached else answered
