"""prompt -> generation: turns what an endpoint says instead of an answer into an error of ours.

What may pass is told from what will not, here and nowhere else.
"""

from http import HTTPStatus

from tasks.core.errors import ProviderError, Trouble, TryAgainError
from tasks.core.model_settings import ModelSettings
from tasks.core.overflow import is_output_cap
from tasks.core.refusal import Refusal

_TOO_EARLY = 425
_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, _TOO_EARLY})
_KEY_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
# 429s that no waiting ends.
_NO_MONEY = ("insufficient_quota", "billing_hard_limit", "billing_not_active")


def refusal_error(
    refusal: Refusal, where: str, settings: ModelSettings, retry_after_s: float
) -> ProviderError:
    """Return the error that says what happened and what to do about it.

    Args:
        refusal: what the endpoint said, without the key.
        where: names the endpoint.
        settings: of the request.
        retry_after_s: how long the endpoint asks to wait.
    """
    status, said = _status(refusal), refusal.excerpt
    if _may_pass(status, refusal):
        return _try_again(refusal, status, where, retry_after_s)
    if status in _KEY_REFUSED:
        return ProviderError(
            f"{where} refused the key (HTTP {status}); check that the key belongs to this endpoint "
            "and may use the model"
        )
    if status == HTTPStatus.NOT_FOUND:
        return ProviderError(
            f"{where} answered HTTP 404: {said}; either it does not know the model "
            f"{settings.model!r}, or its base URL lacks a path such as /v1"
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return ProviderError(f"{where} has no quota left for this key (HTTP 429): {said}")
    if is_output_cap(refusal):
        said += "; ask for fewer output tokens (max_tokens)"
    return ProviderError(f"{where} did not accept the request (HTTP {status}): {said}")


def _status(refusal: Refusal) -> int:
    """Return the status, also where it stands inside an answer that claims to be fine."""
    inner = int(refusal.code) if refusal.code.isdecimal() and len(refusal.code) == 3 else 0
    is_error = HTTPStatus.BAD_REQUEST <= inner < 600
    return inner if refusal.status == HTTPStatus.OK and is_error else refusal.status


def _may_pass(status: int, refusal: Refusal) -> bool:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        fields = f"{refusal.code} {refusal.kind}"
        return not any(name in fields for name in _NO_MONEY)
    failed = status < HTTPStatus.BAD_REQUEST or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return failed or status in _PASSING


def _try_again(refusal: Refusal, status: int, where: str, retry_after_s: float) -> TryAgainError:
    if status < HTTPStatus.BAD_REQUEST:
        message = (
            f"{where} answered HTTP {status} without a completion: {refusal.excerpt}; check its "
            "log, and that the base URL is the API's (often it ends with /v1)"
        )
        return TryAgainError(message, Trouble.ALIEN, "no completion", retry_after_s)
    busy = status == HTTPStatus.TOO_MANY_REQUESTS
    trouble = Trouble.BUSY if busy else Trouble.FAILED
    message = f"{where} did not answer (HTTP {status}: {refusal.excerpt})"
    return TryAgainError(message, trouble, f"HTTP {status}", retry_after_s)
