"""verdict -> report: the verdicts of one problem as the rows of a table."""

from collections.abc import Mapping, Sequence

from tasks.core.markdown_text import code_span
from tasks.core.records import Verdict

_MOST_CHARACTERS = 300


def verdict_rows(attempts: Sequence[Mapping[str, Verdict]]) -> list[dict[str, str | int | float]]:
    """Return one row for each verdict, by repeat and sub-step.

    Prefect's page takes cells for Markdown, images and links included, and details hold what
    programs have written: they are shown as code.

    Args:
        attempts: the verdicts of each repeat by their sub-steps.
    """
    return [
        {
            "sub-step": step_id,
            "repeat": repeat,
            "verdict": verdict.reason.value,
            "detail": code_span(line) if (line := last_line(verdict.detail)) else "",
            "inherited from": verdict.inherited_from or "",
            "seconds": round(verdict.duration_s, 3),
            "known before": "yes" if verdict.cached else "",
        }
        for repeat, verdicts in enumerate(attempts)
        for step_id, verdict in verdicts.items()
    ]


def verdict_text(verdict: Verdict) -> str:
    """Say a verdict in one line."""
    detail = last_line(verdict.detail)
    return f"{verdict.reason.value}: {detail}" if detail else verdict.reason.value


def last_line(detail: str) -> str:
    """Return the line of a detail that says most: of a traceback the last one."""
    lines = detail.strip().splitlines()
    return lines[-1].strip()[:_MOST_CHARACTERS] if lines else ""
