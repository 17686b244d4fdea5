"""metrics -> report: the parts of a run's page that are tables of numbers and settings."""

import re
from collections.abc import Mapping

from tasks.core.html_elements import Child, Html, clipped, element, table
from tasks.core.json_value import JsonValue
from tasks.core.report_records import RunFiles, mapping, number
from tasks.core.usage_line import cost_text, seconds_text
from tasks.core.value_text import ABSENT, interval_text, value_text

_SPREAD = "/std_dev_across_runs"
_MOST_NAME, _MOST_VALUE = 200, 600
_RUN_FIELDS = ("status", "started", "ended", "isolation", "layers", "blas_core")
_SHOWN_APART = (*_RUN_FIELDS, "identity", "configuration", "versions", "problem_names")
_CREDENTIALS = re.compile(r"://[^/@\s]*@")


def protocols_section(document: Mapping[str, JsonValue]) -> Html:
    """Show the run under each published protocol that it serves."""
    entries = document.get("protocols")
    rows: list[tuple[Child, ...]] = []
    for entry in entries if isinstance(entries, list) else []:
        one = mapping(entry)
        passed = f"{value_text(one['passed'])} of {value_text(one['steps'])}"
        solved = f"{value_text(one['problems_solved'])} of {value_text(one['problems'])}"
        rows.append((str(one["name"]), value_text(one["value"]), passed, solved, str(one["note"])))
    none = "None: the problems or the scored sub-steps are not those of a published protocol."
    head = ("problems/sub-steps", "value", "passed", "problems solved", "note")
    shown = table("This run as others count", head, rows)
    return element(
        "section",
        element("h2", "Published protocols"),
        shown if rows else element("p", none),
    )


def metrics_section(metrics: Mapping[str, JsonValue]) -> Html:
    """Show one row a metric; the spread over repeats has a column only where there are any."""
    repeated = any(name.endswith(_SPREAD) for name in metrics)
    rows: list[tuple[Child, ...]] = []
    for name, entry in metrics.items():
        if name.endswith(_SPREAD):
            continue
        metric = mapping(entry)
        spread = value_text(mapping(metrics.get(f"{name}{_SPREAD}")).get("value"))
        rows.append(
            (
                element("code", clipped(name, _MOST_NAME)),
                value_text(metric["value"]),
                interval_text(metric["interval"]),
                *([spread] if repeated else []),
                f"{value_text(metric['numerator'])} / {value_text(metric['denominator'])}",
                str(metric["over"]),
            )
        )
    head = ("metric", "value", "95 % interval", *(["std dev"] if repeated else []), "of", "over")
    caption = "Metrics and what they are over"
    return element("section", element("h2", "Metrics"), table(caption, head, rows))


def usage_section(run: RunFiles) -> Html:
    """Show what the answers took, of all and of the last start apart."""
    usage = mapping(run.usage.get("run")) or mapping(run.document.get("usage"))
    title = element("h2", "Tokens, cost and latency")
    if not usage:
        return element("section", title, element("p", "None: no model was asked in this run."))
    rows: list[tuple[Child, ...]] = [
        _usage_row("all answers", usage),
        *(
            _usage_row(told, mapping(usage[part]))
            for part, told in (("fresh", "asked for at the last start"), ("cached", "known before"))
            if part in usage
        ),
    ]
    head = ("answers", "number", "input tokens", "output tokens", "cost")
    latency = mapping(usage.get("latency_s"))
    times = ", ".join(f"{name} {seconds_text(number(s) or 0.0)}" for name, s in latency.items())
    uncounted = number(usage.get("without_usage"))
    return element(
        "section",
        title,
        table("What the answers took", head, rows),
        *([element("p", f"Latency of an answer: {times}.")] if times else []),
        *(
            [element("p", f"{uncounted:.0f} answers came without token counts.")]
            if uncounted
            else []
        ),
    )


def _usage_row(told: str, part: Mapping[str, JsonValue]) -> tuple[Child, ...]:
    cost = number(part.get("cost", part.get("cost_saved")))
    counts = (number(part.get(f"{side}_tokens")) or 0.0 for side in ("input", "output"))
    tokens = tuple(f"{count:,.0f}" for count in counts)
    generations = value_text(part.get("generations"))
    return (told, generations, *tokens, "no price given" if cost is None else cost_text(cost))


def settings_section(run: RunFiles) -> Html:
    """Show what the run was made from and with."""
    record = run.record
    start = {name: record[name] for name in _RUN_FIELDS if name in record}
    others = {name: value for name, value in record.items() if name not in _SHOWN_APART}
    return element(
        "section",
        element("h2", "Settings and versions"),
        _values("Settings that a comparison needs", mapping(run.document.get("details"))),
        _values("Versions", mapping(record.get("versions"))),
        _values("Run", start),
        _folded("What the run was made from", mapping(record.get("identity"))),
        _folded("Configuration", mapping(record.get("configuration"))),
        _folded("Environments and counts", others),
    )


def _folded(caption: str, values: Mapping[str, JsonValue]) -> Html:
    return element("details", element("summary", caption), _values(caption, values))


def _values(caption: str, values: Mapping[str, JsonValue]) -> Html:
    rows: list[tuple[Child, ...]] = [
        (clipped(name, _MOST_NAME), clipped(_setting(value), _MOST_VALUE))
        for name, value in values.items()
    ]
    return table(caption, ("setting", "value"), rows, class_="values")


def _setting(value: JsonValue) -> str:
    """Write a setting; nobody puts a password into an address that is passed on."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        written = ", ".join(map(str, value)) or ABSENT
    else:
        written = str(value) if isinstance(value, float) else value_text(value)
    return _CREDENTIALS.sub("://…@", written)
