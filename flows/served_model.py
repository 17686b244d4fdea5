"""Configuration -> a checkpoint that is served by a command for the length of one evaluation."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from flows.config import EvalConfig, read_key
from flows.session import SESSION
from tasks.chat import ChatClient
from tasks.core.errors import ConfigError, ProviderError
from tasks.core.model_settings import EndpointSettings, ModelSettings
from tasks.core.records import Generation
from tasks.model_server.server import ModelServer

SERVER_LOG = "server.log"


class ServedModel:
    """Starts the server when the first question comes: where all answers are known, none does."""

    def __init__(self, config: EvalConfig, folder: Path) -> None:
        """Take the command and the run directory, which gets the server's log."""
        self._config = config
        self._log = folder / SERVER_LOG
        self._starting = asyncio.Lock()
        self._client: ChatClient | None = None
        self._ended: asyncio.Task[str] | None = None
        self._stack = AsyncExitStack()

    async def ask(self, prompt: str, settings: ModelSettings, name: str = "") -> Generation:
        """Ask the served model, as `ChatClient.ask` does.

        Raises:
            ConfigError: the command cannot be run, or serves another model.
            ProviderError: the server does not answer, or has ended.
        """
        async with self._starting:
            client = self._client = self._client or await self._start()
        if self._ended is not None and self._ended.done():
            raise ProviderError(self._ended.result())
        return await client.ask(prompt, settings, name)

    async def aclose(self) -> None:
        """Stop the server and all that it has started."""
        await self._stack.aclose()

    async def _start(self) -> ChatClient:
        config = self._config
        server = ModelServer(
            config.serve_command or "",
            Path(config.checkpoint or ""),
            config.model_name,
            self._log,
            config.serve_timeout_s,
            SESSION.get().progress.note,
        )
        await self._stack.enter_async_context(server)
        self._ended = asyncio.create_task(server.ended())
        self._stack.callback(self._ended.cancel)
        name = _served_name(config, server.models)
        endpoint = EndpointSettings(server.base_url, config.request_timeout_s, served_as=name)
        client = ChatClient(endpoint, read_key(config.api_key_env))
        self._stack.push_async_callback(client.aclose)
        return client


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
