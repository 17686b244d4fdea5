"""Errors of the evaluator itself; a wrong candidate is a `Verdict`, never an error.

EvalError
├── ConfigError      a setting, an argument or an output directory that cannot be used
├── DatasetError     a problem file, programs file or prompt template that cannot be used
├── TargetError      expected values that are missing, unreadable or of the wrong shape
├── DownloadError    a file of a dataset that no mirror gave whole
├── ProviderError    the model's endpoint refused or failed: nothing more can be asked
│   ├── TryAgainError    one try of a request failed; another may succeed
│   └── UnansweredError  one request stays without an answer; others may get theirs
├── SandboxError     the sandbox or the judge could not do its work
├── ServiceError     the verifier service is starting or stopping
└── RequestError     a request to the verifier service that cannot be answered as it is
    ├── UnknownIdError   it names a problem or sub-step that the dataset does not have
    ├── OversizedError   its body is too large
    └── BusyError        it asks for more than there is room for at this moment

Messages say what was expected, what was found, where, and what to do next.
"""

from enum import StrEnum


class EvalError(Exception):
    """Something that the evaluation itself cannot recover from."""


class ConfigError(EvalError):
    """A setting, an argument or an output directory cannot be used."""


class DatasetError(EvalError):
    """A problem file, programs file or prompt template cannot be used."""


class TargetError(EvalError):
    """Expected values are missing, unreadable or do not match the problems."""


class DownloadError(EvalError):
    """A file of a dataset could not be fetched."""


class ProviderError(EvalError):
    """The model's endpoint refused a request, failed, or did not answer."""


class Trouble(StrEnum):
    """Why one try of a request failed."""

    UNREACHED = "unreached"  # no connection, a broken one, or nothing in time
    ALIEN = "alien"  # what came is not what an API says
    BUSY = "busy"  # the endpoint asks for fewer requests
    FAILED = "failed"  # the endpoint failed otherwise


class TryAgainError(ProviderError):
    """One try of a request failed in a way that may pass.

    `said` names it in a few words, as in `HTTP 503`; `retry_after_s` is how long the endpoint asks
    to wait.
    """

    def __init__(
        self, message: str, trouble: Trouble, said: str, retry_after_s: float = 0.0
    ) -> None:
        super().__init__(message)
        self.trouble = trouble
        self.said = said
        self.retry_after_s = retry_after_s


class UnansweredError(ProviderError):
    """One request got no answer, however often it was sent, or may not be sent any more.

    The attempt that needs it stays unscored; the rest of the evaluation goes on.
    """


class SandboxError(EvalError):
    """The sandbox or the judge could not do its work."""


class ServiceError(EvalError):
    """The verifier service is starting or stopping."""


class RequestError(EvalError):
    """A request to the verifier service cannot be answered as it is."""


class UnknownIdError(RequestError):
    """A request names a problem or a sub-step that the dataset does not have."""


class OversizedError(RequestError):
    """The body of a request is too large."""


class BusyError(RequestError):
    """A request asks for more than there is room for; try again after `retry_after_s`."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
