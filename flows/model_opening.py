"""Configuration -> a model that can be asked: at a URL, embedded, or served for this evaluation."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from tasks.model_server.server import ModelServer

from flows.config import EvalConfig, read_key
from flows.inputs import Inputs
from flows.session import SESSION
from tasks.budget import Budget
from tasks.chat import ChatClient
from tasks.core.errors import ConfigError, ProviderError
from tasks.core.model_settings import EndpointSettings
from tasks.endpoint.server import EmbeddedServer, create_app
from tasks.generation import CachedModel
from tasks.generation_cache import GenerationCache
from tasks.patience import Patience, PatientClient
from tasks.request_gate import RequestGate, RequestLimits
from tasks.shared_limit import share_limit
from tasks.stop_signal import StopSignal

SERVER_LOG = "server.log"


async def open_model(
    config: EvalConfig, inputs: Inputs, folder: Path, stop: StopSignal, stack: AsyncExitStack
) -> CachedModel:
    """Reach the model that is asked for; the stack lets go of it.

    Args:
        config: of the evaluation.
        inputs: read from it.
        folder: the run directory, for the log of a server that is started.
        stop: ends the evaluation; set when such a server ends by itself.
        stack: closes what is opened.

    Raises:
        ConfigError: the endpoint, the command or the shared limit cannot be used.
        ProviderError: a server that is started does not answer.
    """
    if config.serve_command is not None:
        endpoint = await _serve(config, folder, stop, stack)
    elif config.base_url is None:
        app = create_app(inputs.books)
        embedded = stack.enter_context(EmbeddedServer(app))
        endpoint = EndpointSettings(embedded.base_url, config.request_timeout_s)
    else:
        endpoint = EndpointSettings(config.base_url, config.request_timeout_s)
    client = ChatClient(endpoint, read_key(config.api_key_env))
    stack.push_async_callback(client.aclose)
    limits = RequestLimits(config.concurrency, config.requests_per_minute, config.tokens_per_minute)
    gate = RequestGate(limits, stop, await share_limit(config.shared_limit))
    patience = Patience(config.request_retries, config.request_wait_s, config.request_backoff_s)
    note = SESSION.get().progress.note
    budget = Budget(config.max_tokens_total, config.max_cost, inputs.price)
    patient = PatientClient(client, patience, gate, budget, stop, note)
    return CachedModel(patient, inputs.settings, GenerationCache(config.cache_dir / "generations"))


async def _serve(
    config: EvalConfig, folder: Path, stop: StopSignal, stack: AsyncExitStack
) -> EndpointSettings:
    """Start the server of the checkpoint, and end the evaluation if it ends by itself."""
    server = ModelServer(
        config.serve_command or "",
        Path(config.checkpoint or ""),
        config.model_name,
        folder / SERVER_LOG,
        config.serve_timeout_s,
        SESSION.get().progress.note,
    )
    await stack.enter_async_context(server)

    async def watch() -> None:
        stop.set(ProviderError(await server.ended()))

    watching = asyncio.create_task(watch())
    stack.callback(watching.cancel)
    name = _served_name(config, server.models)
    return EndpointSettings(server.base_url, config.request_timeout_s, served_as=name)


def _served_name(config: EvalConfig, models: tuple[str, ...]) -> str:
    """Return the model's name at the server, which often is the checkpoint's path."""
    if not models or config.model_name in models:
        return config.model_name
    if len(models) == 1 and config.model is None:
        return models[0]
    raise ConfigError(
        f"expected the served model to be {config.model_name!r}, found {', '.join(models)}; give "
        "--model one of these, or pass {model} to the command"
    )
