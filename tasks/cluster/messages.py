"""Requests to a node and its answers: JSON, so that nothing a program wrote is ever unpickled.

Ray and Dask pickle what they carry; they are given bytes only. Text may hold lone surrogates, as a
candidate's may, and comes out as it went in.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from tasks.cluster.recipe import items, optional_text
from tasks.core.records import Environment, Reason, Verdict
from tasks.runner import Work
from tasks.sandbox.layers import LevelReport, report_level
from tasks.strict_json import duration_s, mapping, text, texts


class Ask(StrEnum):
    """What a node is asked for."""

    OPEN = "open"  # start, or say that targets are needed
    RECEIVE = "receive"  # take a part of the targets, which comes beside the request
    RUN = "run"
    CANCEL = "cancel"  # nobody waits for a run any more
    IMPORTS = "imports"
    PING = "ping"  # the evaluator is still there
    CLOSE = "close"


class Answer(StrEnum):
    """The field of an answer that says what it is."""

    READY = "ready"
    TARGETS = "targets_wanted"
    VERDICT = "verdict"
    MISSING = "missing"
    DONE = "done"
    CLOSED = "closed"  # the node has nothing open: it was restarted, or heard nothing for long
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What a node says of itself once it is open; `durations_s` is what it knows of sub-steps."""

    isolation: LevelReport
    blas_core: str | None
    judge_libraries: tuple[str, ...]
    environments: tuple[Environment, ...]
    durations_s: Mapping[str, float]


def pack(fields: Mapping[str, object]) -> bytes:
    """Write a message."""
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass")


def unpack(message: bytes) -> Mapping[str, object]:
    """Read a message.

    Raises:
        TypeError, ValueError: it is none.
    """
    return mapping(json.loads(message.decode("utf-8", "surrogatepass")))


def work_fields(work: Work) -> dict[str, Any]:
    """Return what `json` can write."""
    return asdict(work)


def read_work(fields: Mapping[str, object]) -> Work:
    """Read what `work_fields` made."""
    return Work(
        environment=text(fields["environment"]),
        step_id=text(fields["step_id"]),
        program=text(fields["program"]),
        fenced=fields["fenced"] is True,
    )


def verdict_fields(verdict: Verdict) -> dict[str, Any]:
    """Return what `json` can write; a single run's verdict has no more than this."""
    return {
        "reason": verdict.reason.value,
        "detail": verdict.detail,
        "duration_s": verdict.duration_s,
        "layers": list(verdict.layers),
    }


def read_verdict(fields: Mapping[str, object]) -> Verdict:
    """Read what `verdict_fields` made."""
    return Verdict(
        reason=Reason(text(fields["reason"])),
        detail=text(fields["detail"]),
        duration_s=duration_s(fields["duration_s"]),
        layers=texts(fields["layers"]),
    )


def report_fields(report: NodeReport) -> dict[str, Any]:
    """Return what `json` can write; the level is read off the layers again."""
    return {
        "layers": list(report.isolation.layers),
        "blas_core": report.blas_core,
        "judge_libraries": list(report.judge_libraries),
        "environments": [asdict(environment) for environment in report.environments],
        "durations_s": dict(report.durations_s),
    }


def read_report(fields: Mapping[str, object]) -> NodeReport:
    """Read what `report_fields` made."""
    return NodeReport(
        isolation=report_level(texts(fields["layers"])),
        blas_core=optional_text(fields["blas_core"]),
        judge_libraries=texts(fields["judge_libraries"]),
        environments=tuple(map(_environment, items(fields["environments"]))),
        durations_s={k: duration_s(v) for k, v in mapping(fields["durations_s"]).items()},
    )


def _environment(value: object) -> Environment:
    fields = mapping(value)
    return Environment(text(fields["name"]), text(fields["python"]), text(fields["sha256"]))
