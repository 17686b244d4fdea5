"""prompt -> generation: the adapter around an OpenAI-compatible endpoint, one try at a time.

This is the boundary where the endpoint's errors are translated, once: a prompt that does not fit is
a generation (OVERLONG), what may pass is a `TryAgainError`, everything else that is no answer a
`ProviderError`. No message carries the API key.
"""

import asyncio
import time
from dataclasses import dataclass, replace

import openai
from openai.types.chat import ChatCompletionUserMessageParam

from tasks.addresses import check_key, check_url, hide_key, is_loopback
from tasks.core.chat_reply import ChatReply, read_reply
from tasks.core.completion_room import completion_room, may_fit_without_limit
from tasks.core.errors import Trouble, TryAgainError
from tasks.core.model_settings import Api, EndpointSettings, ModelSettings
from tasks.core.overflow import is_overflow
from tasks.core.records import FinishReason, Generation, Usage
from tasks.core.refusal import Refusal, read_refusal
from tasks.core.request_fields import output_limit, request_fields, shortened
from tasks.core.request_name import NAME_HEADER
from tasks.core.responses_reply import read_response
from tasks.core.retry_after import read_retry_after
from tasks.refusal_errors import refusal_error

_CONNECT_S = 20.0


@dataclass(frozen=True, slots=True)
class _Refused:
    """A refusal, and how long the endpoint asks to wait."""

    refusal: Refusal
    retry_after_s: float = 0.0


class ChatClient:
    """Asks one endpoint; many calls may be under way at once, all in one event loop."""

    def __init__(self, endpoint: EndpointSettings, api_key: str) -> None:
        """Check the address and the key; nothing is sent yet.

        Raises:
            ConfigError: the address is no http(s) URL, holds a password, or the key is malformed.
        """
        self._url = check_url(endpoint.base_url)
        self._key = check_key(api_key)
        self._served_as = endpoint.served_as
        self._timeout_s = endpoint.timeout_s
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            # An empty key makes a header that no HTTP client sends.
            api_key=self._key or "none",
            max_retries=0,
            timeout=openai.Timeout(endpoint.timeout_s, connect=min(_CONNECT_S, endpoint.timeout_s)),
            # A proxy named in the environment cannot reach a loopback address of this machine.
            http_client=openai.DefaultAsyncHttpxClient(trust_env=not is_loopback(self._url)),
        )

    async def ask(self, prompt: str, settings: ModelSettings, name: str = "") -> Generation:
        """Ask the model, with the prompt as the one user message.

        Where prompt and output together are too long and the endpoint says for how much output
        there is room, it is asked once more for that much.

        Args:
            prompt: the message.
            settings: the model, and how it is to write.
            name: of the request, for the endpoint's log.

        Raises:
            TryAgainError: the endpoint is busy, failed, or did not answer.
            ProviderError: the endpoint refused.
        """
        start = time.perf_counter()
        reply = await self._request(prompt, settings, name)
        limit = _shorter(reply.refusal, settings) if isinstance(reply, _Refused) else None
        if limit is not None:
            start = time.perf_counter()
            reply = await self._request(prompt, shortened(settings, limit), name)
        latency_s = time.perf_counter() - start
        if isinstance(reply, ChatReply):
            return Generation(
                reply.text, reply.finish_reason, reply.usage, latency_s, reply.reasoning, limit
            )
        if is_overflow(reply.refusal):
            return Generation("", FinishReason.OVERLONG, Usage(0, 0), latency_s)
        message = hide_key(reply.refusal.message, self._key)
        raise refusal_error(
            replace(reply.refusal, message=message), self._where, settings, reply.retry_after_s
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _request(
        self, prompt: str, settings: ModelSettings, name: str
    ) -> ChatReply | _Refused:
        try:
            # The client's own limit is on each wait for a byte: one a minute would never end.
            async with asyncio.timeout(self._timeout_s):
                body = await self._send(prompt, settings, name)
        except openai.APIStatusError as error:
            refusal = read_refusal(error.status_code, error.response.text)
            return _Refused(refusal, read_retry_after(error.response.headers, time.time()))
        except (openai.APITimeoutError, TimeoutError) as error:
            raise self._silent(f"nothing came within {self._timeout_s:g} s", "timeout") from error
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            reason = f"{type(cause).__name__}: {hide_key(str(cause), self._key)}"
            raise self._silent(reason, "connection") from error
        reply = read_response(body) if settings.api is Api.RESPONSES else read_reply(body)
        return _Refused(reply) if isinstance(reply, Refusal) else reply

    async def _send(self, prompt: str, settings: ModelSettings, name: str) -> str:
        """Send a request and return the body of the answer."""
        model = self._served_as or settings.model
        # Everything goes in as it is set, also what the client's own types do not know.
        fields = request_fields(settings)
        headers = {NAME_HEADER: name} if name else {}
        if settings.api is Api.RESPONSES:
            raw = await self._client.responses.with_raw_response.create(
                model=model, input=prompt, extra_body=fields, extra_headers=headers
            )
        else:
            message: ChatCompletionUserMessageParam = {"role": "user", "content": prompt}
            raw = await self._client.chat.completions.with_raw_response.create(
                model=model, messages=[message], extra_body=fields, extra_headers=headers
            )
        return raw.text

    def _silent(self, reason: str, said: str) -> TryAgainError:
        message = f"{self._where} did not answer ({reason})"
        return TryAgainError(message, Trouble.UNREACHED, said)

    @property
    def _where(self) -> str:
        url = self._url
        return f"the endpoint {url.scheme}://{url.netloc}{url.path}"


def _shorter(refusal: Refusal, settings: ModelSettings) -> int | None:
    """Return a limit on output that leaves room for the prompt, 0 for none; None where none helps.

    An endpoint that stopped counting the prompt gives all the room there is if no limit is sent.
    """
    limit, room = output_limit(settings), completion_room(refusal)
    if not is_overflow(refusal) or (room is not None and room < 1):
        return None
    if room is None:
        return 0 if limit is not None and may_fit_without_limit(refusal) else None
    return room if limit is None or room < limit else None
