"""prompt -> generation: the name of a request, for the log of an endpoint and for a replay.

It says which generation is asked for, and changes nothing about the answer. Two sub-steps can have
the same prompt (46.1 and 68.1): a replay tells them apart by it.
"""

import re

from tasks.core.records import StepKey

NAME_HEADER = "X-Client-Request-Id"

_DIGEST_CHARS = 12
_UNPRINTABLE = re.compile(r"[^\x21-\x2e\x30-\x7e]")
_NAME = re.compile(r"(?P<step_id>[\x21-\x2e\x30-\x7e]+)/(?P<repeat>\d+)/")


def request_name(key: StepKey, digest: str) -> str:
    """Name a generation by sub-step, repeat and the beginning of its key in the cache."""
    # A header holds ASCII, and a sub-step of a file of one's own may be called anything.
    step_id = _UNPRINTABLE.sub("?", key.step_id)
    return f"{step_id}/{key.repeat}/{digest[:_DIGEST_CHARS]}"


def read_request_name(name: str) -> tuple[str, int] | None:
    """Return sub-step and repeat of a name; None if it is none of ours."""
    match = _NAME.match(name)
    return None if match is None else (match["step_id"], int(match["repeat"]))
