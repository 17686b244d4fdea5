"""generation, verdict -> verdict: says of a sub-step without code that its generation was cut off.

A model that thinks until its token limit leaves no code, and so does one that refuses. Both fail
alike; only the detail tells who needs a higher limit.
"""

from dataclasses import replace

from tasks.core.records import FinishReason, Reason, Verdict

_TRUNCATED = "truncated: the generation ended at its token limit before any code"
_MOST_CHARACTERS = 2000


def explain_truncation(verdict: Verdict, finish_reason: FinishReason | None) -> Verdict:
    """Say in the detail of a `no_code` verdict that the token limit ended its generation."""
    if verdict.reason is not Reason.NO_CODE or finish_reason is not FinishReason.LENGTH:
        return verdict
    detail = f"{_TRUNCATED}; {verdict.detail}" if verdict.detail else _TRUNCATED
    return replace(verdict, detail=detail[:_MOST_CHARACTERS])
