"""Configuration -> a model that can be asked: at a URL, embedded, or served for this evaluation."""

from contextlib import AsyncExitStack
from pathlib import Path

from flows.config import EvalConfig, read_key
from flows.inputs import Inputs
from flows.served_model import ServedModel
from flows.session import SESSION
from tasks.budget import Budget
from tasks.chat import ChatClient
from tasks.core.model_settings import EndpointSettings
from tasks.endpoint.server import EmbeddedServer, create_app
from tasks.generation import CachedModel
from tasks.generation_cache import GenerationCache
from tasks.patience import Patience, PatientClient
from tasks.request_gate import RequestGate, RequestLimits
from tasks.shared_limit import share_limit
from tasks.stop_signal import StopSignal


async def open_model(
    config: EvalConfig, inputs: Inputs, folder: Path, stop: StopSignal, stack: AsyncExitStack
) -> CachedModel:
    """Reach the model that is asked for; the stack lets go of it.

    Args:
        config: of the evaluation.
        inputs: read from it.
        folder: the run directory, for the log of a server that is started.
        stop: ends the evaluation.
        stack: closes what is opened.

    Raises:
        ConfigError: the endpoint or the shared limit cannot be used.
    """
    client = _client(config, inputs, folder, stack)
    stack.push_async_callback(client.aclose)
    limits = RequestLimits(config.concurrency, config.requests_per_minute, config.tokens_per_minute)
    gate = RequestGate(limits, stop, await share_limit(config.shared_limit))
    patience = Patience(config.request_retries, config.request_wait_s, config.request_backoff_s)
    note = SESSION.get().progress.note
    budget = Budget(config.max_tokens_total, config.max_cost, inputs.price)
    patient = PatientClient(client, patience, gate, budget, stop, note)
    return CachedModel(patient, inputs.settings, GenerationCache(config.cache_dir / "generations"))


def _client(
    config: EvalConfig, inputs: Inputs, folder: Path, stack: AsyncExitStack
) -> ChatClient | ServedModel:
    if config.serve_command is not None:
        return ServedModel(config, folder)
    base_url = config.base_url
    if base_url is None:
        base_url = stack.enter_context(EmbeddedServer(create_app(inputs.books))).base_url
    endpoint = EndpointSettings(base_url, config.request_timeout_s)
    return ChatClient(endpoint, read_key(config.api_key_env))
