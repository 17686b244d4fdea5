"""prompt -> generation: the adapter around an OpenAI-compatible chat endpoint.

This is the boundary where the endpoint's errors are translated, once: a prompt that does not fit is
a generation (OVERLONG), everything else that is no answer is a `ProviderError`. Waiting and asking
again after a busy or failing endpoint is the openai client's own. No message carries the API key.
"""

import time
from dataclasses import replace
from http import HTTPStatus
from typing import TypeVar

import openai
from openai.types.chat import ChatCompletionUserMessageParam

from tasks.addresses import check_key, check_url, hide_key, is_loopback
from tasks.core.chat_reply import ChatReply, read_reply
from tasks.core.errors import ProviderError
from tasks.core.model_settings import EndpointSettings, ModelSettings
from tasks.core.overflow import is_output_cap, is_overflow
from tasks.core.records import FinishReason, Generation, Usage
from tasks.core.refusal import Refusal, read_refusal

_T = TypeVar("_T", int, float)

_CONNECT_S = 20.0
_RETRIED = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
)


class ChatClient:
    """Asks one endpoint; many calls may be under way at once, all in one event loop."""

    def __init__(self, endpoint: EndpointSettings, api_key: str) -> None:
        """Check the address and the key; nothing is sent yet.

        Raises:
            ConfigError: the address is no http(s) URL, holds a password, or the key is malformed.
        """
        self._url = check_url(endpoint.base_url)
        self._key = check_key(api_key)
        self._timeout_s = endpoint.timeout_s
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            # An empty key makes a header that no HTTP client sends.
            api_key=self._key or "none",
            max_retries=endpoint.retries,
            timeout=openai.Timeout(endpoint.timeout_s, connect=min(_CONNECT_S, endpoint.timeout_s)),
            # A proxy named in the environment cannot reach a loopback address of this machine.
            http_client=openai.DefaultAsyncHttpxClient(trust_env=not is_loopback(self._url)),
        )

    async def ask(self, prompt: str, settings: ModelSettings) -> Generation:
        """Ask the model once, with the prompt as the one user message.

        Raises:
            ProviderError: the endpoint refused, failed or did not answer.
        """
        start = time.perf_counter()
        reply = await self._request(prompt, settings)
        latency_s = time.perf_counter() - start
        if isinstance(reply, ChatReply):
            return Generation(
                reply.text, reply.finish_reason, reply.usage, latency_s, reply.reasoning
            )
        if is_overflow(reply):
            return Generation("", FinishReason.OVERLONG, Usage(0, 0), latency_s)
        raise self._translate(reply, settings)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _request(self, prompt: str, settings: ModelSettings) -> ChatReply | Refusal:
        message: ChatCompletionUserMessageParam = {"role": "user", "content": prompt}
        try:
            raw = await self._client.chat.completions.with_raw_response.create(
                model=settings.model,
                messages=[message],
                temperature=_sent(settings.temperature),
                top_p=_sent(settings.top_p),
                max_tokens=_sent(settings.max_tokens),
                seed=_sent(settings.seed),
            )
        except openai.APIStatusError as error:
            return read_refusal(error.status_code, error.response.text)
        except openai.APITimeoutError as error:
            raise self._silent(f"nothing came within {self._timeout_s:g} s") from error
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            raise self._silent(
                f"{type(cause).__name__}: {hide_key(str(cause), self._key)}"
            ) from error
        return read_reply(raw.text)

    def _translate(self, refusal: Refusal, settings: ModelSettings) -> ProviderError:
        """Turn a refusal into the error that says what to do about it."""
        said = replace(refusal, message=hide_key(refusal.message, self._key)).excerpt
        status = refusal.status
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return ProviderError(
                f"{self._where} refused the key (HTTP {status}); check that the key belongs to "
                "this endpoint and may use the model"
            )
        if status == HTTPStatus.NOT_FOUND:
            return ProviderError(
                f"{self._where} answered HTTP 404: {said}; either it does not know the model "
                f"{settings.model!r}, or its base URL lacks a path such as /v1"
            )
        if status in _RETRIED or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return self._silent(f"HTTP {status}: {said}")
        if status == HTTPStatus.OK:
            return ProviderError(
                f"{self._where} answered HTTP 200 without a chat completion: {said}; check its "
                "log, and that the base URL is the API's (often it ends with /v1)"
            )
        if is_output_cap(refusal):
            said += "; ask for fewer output tokens (max_tokens)"
        return ProviderError(f"{self._where} did not accept the request (HTTP {status}): {said}")

    def _silent(self, reason: str) -> ProviderError:
        return ProviderError(
            f"{self._where} did not answer, asked again up to {self._client.max_retries} times "
            f"({reason}); check that it runs and has capacity, then start the same command again"
        )

    @property
    def _where(self) -> str:
        url = self._url
        return f"the endpoint {url.scheme}://{url.netloc}{url.path}"


def _sent(value: _T | None) -> _T | openai.Omit:
    return openai.omit if value is None else value
