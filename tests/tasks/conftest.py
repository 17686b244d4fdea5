"""What the tests of stages and adapters share."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tasks.budget import Budget
from tasks.chat import ChatClient
from tasks.core.model_settings import EndpointSettings, ModelSettings
from tasks.generation import CachedModel
from tasks.generation_cache import GenerationCache
from tasks.patience import Patience, PatientClient
from tasks.request_gate import RequestGate, RequestLimits
from tasks.stop_signal import StopSignal

OpenModel = Callable[..., AbstractAsyncContextManager[CachedModel]]


@pytest.fixture
def open_model() -> OpenModel:
    """Open a model behind its cache, as an evaluation does; without further tries by default."""

    @asynccontextmanager
    async def opened(
        endpoint: EndpointSettings,
        settings: ModelSettings,
        cache: Path,
        *,
        key: str = "none",
        patience: Patience = Patience(retries=0),  # noqa: B008 - frozen
        concurrency: int = 4,
    ) -> AsyncGenerator[CachedModel]:
        client, stop = ChatClient(endpoint, key), StopSignal()
        gate = RequestGate(RequestLimits(concurrency), stop)
        patient = PatientClient(client, patience, gate, Budget(None, None, None), stop)
        try:
            yield CachedModel(patient, settings, GenerationCache(cache))
        finally:
            await client.aclose()

    return opened
