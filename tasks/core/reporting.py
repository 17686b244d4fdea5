"""Renders metrics as a report, the last arrow: the content of metrics.json and of the artifacts.

The summary is made from the document alone, so a run on disk can be rendered again. Names of
problems, models and datasets are other people's text and are escaped where they enter Markdown.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from tasks.core.json_value import JsonValue
from tasks.core.markdown_text import escape, markdown_table, one_line
from tasks.core.ordering import natural_key
from tasks.core.protocols import ProtocolScore
from tasks.core.records import AttemptResult, StepResult
from tasks.core.remarks import Remark
from tasks.core.scoring import Metric, by_problem
from tasks.core.usage_line import usage_line
from tasks.core.value_text import interval_text, value_text

_HEADLINE = "subtask_accuracy"
_SPREAD = "/std_dev_across_runs"
_TOP_SOURCES = 10


def metrics_document(
    metrics: Mapping[str, Metric],
    protocols: Sequence[ProtocolScore],
    *,
    reasons: Mapping[str, int],
    details: Mapping[str, JsonValue],
    remarks: Iterable[Remark] = (),
) -> dict[str, JsonValue]:
    """Return the content of metrics.json.

    Args:
        metrics: What `score` returned; the names become the keys under "metrics".
        protocols: The published protocols that the run serves.
        reasons: How often each verdict reason occurred, see `count_reasons`.
        details: The settings that a reader needs to compare the score with another.
        remarks: What else a reader should know.
    """
    return {
        "metrics": {name: _metric_entry(metric) for name, metric in metrics.items()},
        "protocols": [dict(asdict(protocol)) for protocol in protocols],
        "reasons": dict(reasons),
        "details": dict(details),
        "remarks": {remark.name: {"text": remark.text, **remark.data} for remark in remarks},
    }


def count_reasons(attempts: Iterable[AttemptResult]) -> dict[str, int]:
    """Count the verdict reasons over all scored sub-steps, the most frequent first."""
    counts = Counter(step.reason.value for attempt in attempts for step in attempt.steps)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def count_failures(attempts: Iterable[AttemptResult]) -> dict[str, JsonValue]:
    """Count own and inherited failures, and how many each sub-step handed on, the most first."""
    failed = [step for attempt in attempts for step in attempt.steps if not step.passed]
    sources = Counter(step.inherited_from for step in failed if step.inherited_from is not None)
    top = sorted(sources.items(), key=lambda item: (-item[1], natural_key(item[0])))
    inherited = sources.total()
    return {
        "own": len(failed) - inherited,
        "inherited": inherited,
        "by_source": dict(top[:_TOP_SOURCES]),
    }


def failures_line(document: Mapping[str, JsonValue]) -> str:
    """Say how many failures of a metrics document are own ones; one written before knows none."""
    failures = _mapping(document.get("failures"))
    if not failures:
        return ""
    return f"failed: {failures['own']} own, {failures['inherited']} inherited"


def summary_markdown(document: Mapping[str, JsonValue], *, model: str, dataset: str) -> str:
    """Render a metrics document as the Markdown summary of an evaluation."""
    metrics = _mapping(document["metrics"])
    protocols = document["protocols"]
    sections = [
        f"# {escape(model)} on {escape(dataset)}",
        "**{}**: {}".format(*headline(document)),
        *filter(None, [failures_line(document), usage_line(document)]),
        *(f"- {escape(text)}" for text in remark_texts(document)),
        "## Metrics",
        _metrics_table(metrics),
        "## Published protocols",
        _protocols_table(protocols if isinstance(protocols, list) else []),
        "## Verdict reasons",
        markdown_table(("reason", "sub-steps"), _rows(document["reasons"], code=True)),
        "## Settings",
        markdown_table(("setting", "value"), _rows(document["details"], code=False)),
    ]
    return "\n\n".join(sections) + "\n"


def headline(document: Mapping[str, JsonValue]) -> tuple[str, str]:
    """Return the first metric of a metrics document with its value, and what that is made of."""
    metric = _mapping(_mapping(document["metrics"])[_HEADLINE])
    counts = f"{_cell(metric['numerator'])} of {_cell(metric['denominator'])} {metric['over']}"
    value, interval = _cell(metric["value"]), _interval(metric["interval"])
    return f"{_HEADLINE} {value}", f"{counts} passed, 95 % interval {interval}"


def remark_texts(document: Mapping[str, JsonValue]) -> list[str]:
    """Return the sentences of a metrics document's remarks."""
    return [str(_mapping(entry)["text"]) for entry in _mapping(document["remarks"]).values()]


def problem_rows(
    attempts: Iterable[AttemptResult], names: Mapping[str, str]
) -> list[dict[str, str | int | float]]:
    """Return the per-problem table, one row a problem in natural order.

    `passed`, `scored` and `inherited` (failed because an earlier one did) count sub-steps over all
    repeats, `tokens` those of all generations. The first failing step is the earliest that failed
    in any repeat, with the reason of the lowest repeat in which it did; both cells are empty where
    nothing failed.
    """
    return [_problem_row(group, names) for group in by_problem(attempts)]


def _problem_row(
    group: Sequence[AttemptResult], names: Mapping[str, str]
) -> dict[str, str | int | float]:
    problem_id = group[0].problem_id
    scored = sum(len(attempt.steps) for attempt in group)
    failure = _first_failure(group)
    return {
        "problem": problem_id,
        "name": one_line(names.get(problem_id, "")),
        "repeats": len(group),
        "passed": sum(attempt.num_passed for attempt in group),
        "scored": scored,
        "inherited": sum(s.inherited_from is not None for a in group for s in a.steps),
        "solved": sum(a.solved for a in group) / len(group) if scored else "not scored",
        "tokens": sum(attempt.usage.total_tokens for attempt in group),
        "fails at": failure.step_id if failure else "",
        "reason": failure.reason.value if failure else "",
    }


def _first_failure(group: Iterable[AttemptResult]) -> StepResult | None:
    failed = [step for attempt in group for step in attempt.steps if not step.passed]
    # min keeps the first of equal ids, and the group is in order of repeats.
    return min(failed, key=lambda step: natural_key(step.step_id), default=None)


def _metric_entry(metric: Metric) -> JsonValue:
    return {
        "value": metric.value,
        "numerator": metric.numerator,
        "denominator": metric.denominator,
        "over": metric.over,
        "interval": None if metric.interval is None else list(metric.interval),
    }


def _metrics_table(metrics: Mapping[str, JsonValue]) -> str:
    """Render one row a metric; the spread over repeats has a column only where there are any."""
    repeated = any(name.endswith(_SPREAD) for name in metrics)
    head = ["metric", "value", "95 % interval", *(["std dev"] if repeated else []), "over"]
    rows: list[list[str]] = []
    for name, entry in metrics.items():
        if not name.endswith(_SPREAD):
            metric = _mapping(entry)
            spread = _mapping(metrics.get(f"{name}{_SPREAD}")).get("value")
            over = f"{_cell(metric['numerator'])} / {_cell(metric['denominator'])} {metric['over']}"
            value = [f"`{name}`", _cell(metric["value"]), _interval(metric["interval"])]
            rows.append([*value, *([_cell(spread)] if repeated else []), over])
    return markdown_table(head, rows)


def _protocols_table(protocols: Iterable[JsonValue]) -> str:
    rows: list[tuple[str, ...]] = []
    for entry in protocols:
        protocol = _mapping(entry)
        passed = f"{_cell(protocol['passed'])} of {_cell(protocol['steps'])}"
        solved = f"{_cell(protocol['problems_solved'])} of {_cell(protocol['problems'])}"
        name, note = str(protocol["name"]), str(protocol["note"])
        rows.append((name, _cell(protocol["value"]), passed, solved, note))
    if not rows:
        return "None: the problems or the scored sub-steps are not those of a published protocol."
    return markdown_table(
        ("problems/sub-steps", "value", "passed", "problems solved", "note"), rows
    )


def _rows(entries: JsonValue, *, code: bool) -> list[tuple[str, str]]:
    return [
        (f"`{name}`" if code else escape(name), _cell(value))
        for name, value in _mapping(entries).items()
    ]


def _cell(value: JsonValue) -> str:
    return escape(value_text(value))


def _interval(value: JsonValue) -> str:
    return escape(interval_text(value))


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}
