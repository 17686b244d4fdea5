"""generation: reads what an endpoint says when it does not answer, whoever built it.

The shapes met: OpenAI's `{"error": {...}}`, the same fields without the wrapping (vLLM, SGLang),
the wrapping in a list (Gemini), `{"error": "text", "error_type": ...}` (TGI), `{"detail": ...}`
(FastAPI), and plain text or HTML from a proxy in front. llama.cpp states the sizes of an overflow
in fields of their own.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tasks.core.loose_json import count, fields, items

_MESSAGE_CHARS = 500
_TITLE_CHARS = 80
_PAGE = re.compile(r"<!doctype html|<html", re.IGNORECASE)
_TITLE = re.compile(r"<title>([^<]*)</title>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is an error; fields that the endpoint left out are empty or 0."""

    status: int
    message: str
    code: str = ""
    kind: str = ""
    param: str = ""
    prompt_tokens: int = 0
    context_tokens: int = 0

    @property
    def excerpt(self) -> str:
        """The message, short enough to stand in an error of ours; of a web page its title."""
        text = " ".join(self.message.split())
        if _PAGE.search(text):
            title = _TITLE.search(text)
            return (
                f"a web page ({title.group(1).strip()[:_TITLE_CHARS]})" if title else "a web page"
            )
        return text if len(text) <= _MESSAGE_CHARS else text[:_MESSAGE_CHARS] + "…"


def read_refusal(status: int, body: str) -> Refusal:
    """Read the body of an error response; a body of an unknown shape becomes the message."""
    try:
        parsed: object = json.loads(body)
    except (ValueError, RecursionError):
        return Refusal(status, body)
    return refusal_from(status, parsed) or Refusal(status, body)


def refusal_from(status: int, parsed: object) -> Refusal | None:
    """Read a parsed body; None where nothing in it looks like an error."""
    outer = fields(items(parsed)[0] if items(parsed) else parsed)
    error = outer.get("error")
    if fields(error):
        return _from_fields(status, fields(error))
    if isinstance(error, str):
        return Refusal(status, error, kind=_text(outer.get("error_type")))
    if "detail" in outer:
        return Refusal(status, _text(outer["detail"]))
    if outer.get("object") == "error" or "message" in outer:
        return _from_fields(status, outer)
    return None


def _from_fields(status: int, error: Mapping[str, object]) -> Refusal:
    return Refusal(
        status=status,
        message=_text(error.get("message")) or json.dumps(dict(error)),
        code=_text(error.get("code")),
        kind=_text(error.get("type")),
        param=_text(error.get("param")),
        prompt_tokens=count(error.get("n_prompt_tokens")),
        context_tokens=count(error.get("n_ctx")),
    )


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
