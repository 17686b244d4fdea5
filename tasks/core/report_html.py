"""metrics -> report: renders the files of one run as report.html, a page that needs nothing else.

It holds no link to anything outside of itself, and its policy lets no other script run than ours.
Names, settings and details are other people's text: they enter as text, see `html_elements`.
"""

import base64
import hashlib
import re
from collections.abc import Mapping

from tasks.core.html_elements import Child, Html, clipped, element, joined, table
from tasks.core.json_value import JsonValue
from tasks.core.report_records import RunFiles, mapping, number
from tasks.core.report_style import SCRIPT, STYLE
from tasks.core.report_verdicts import (
    failures_section,
    map_section,
    problem_names,
    problems_section,
    reasons_section,
)
from tasks.core.reporting import remark_texts
from tasks.core.usage_line import cost_text, seconds_text
from tasks.core.value_text import interval_text, value_text

_HEADLINE = "subtask_accuracy"
_SPREAD = "/std_dev_across_runs"
_MOST_TITLE, _MOST_VALUE, _MOST_REMARK = 200, 600, 2000
_RUN_FIELDS = ("status", "started", "ended", "isolation", "layers", "blas_core")
_SHOWN_APART = (*_RUN_FIELDS, "identity", "configuration", "versions", "problem_names")
_CREDENTIALS = re.compile(r"://[^/@\s]*@")


def report_page(run: RunFiles) -> str:
    """Render a run as one HTML page."""
    title, names = _title(run), problem_names(run)
    body = element(
        "main",
        element("header", element("h1", title), _dates(run.record)),
        _headline(mapping(mapping(run.document["metrics"])[_HEADLINE])),
        _protocols(run.document),
        _remarks(run.document),
        _metrics(mapping(run.document["metrics"])),
        reasons_section(run),
        map_section(run, names),
        problems_section(run, names),
        failures_section(run),
        _usage(mapping(run.usage.get("run")) or mapping(run.document.get("usage"))),
        _settings(run),
    )
    page = element("html", _head(title), element("body", body, _script()), lang="en")
    return f"<!DOCTYPE html>\n{page.source}\n"


def _title(run: RunFiles) -> str:
    details, configuration = mapping(run.document.get("details")), run.record.get("configuration")
    given = str(mapping(configuration).get("programs", "programs"))
    what = str(details.get("model") or given.rpartition("/")[2])
    dataset = str(details.get("dataset", "unknown problems"))
    return f"{clipped(what, _MOST_TITLE)} on {clipped(dataset, _MOST_TITLE)}"


def _head(title: str) -> Html:
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name_="color-scheme", content="light dark"),
        element("title", title),
        # Our own text, which the elements would escape.
        element("style", Html(STYLE)),
    )


def _script() -> Html:
    return element("script", Html(SCRIPT))


def _dates(record: Mapping[str, JsonValue]) -> Html:
    started, ended = record.get("started"), record.get("ended")
    parts = [
        f"{word} {_date(value)}"
        for word, value in (("started", started), ("ended", ended))
        if isinstance(value, str)
    ]
    return element("p", " · ".join(parts), class_="dates")


def _date(value: str) -> str:
    return clipped(value, 40).replace("T", " ").replace("+00:00", " UTC")


def _headline(metric: Mapping[str, JsonValue]) -> Html:
    value = number(metric["value"]) or 0.0
    passed = f"{value_text(metric['numerator'])} of {value_text(metric['denominator'])}"
    return element(
        "section",
        element("h2", _HEADLINE),
        element("p", value_text(value), class_="headline"),
        _whisker(value, metric["interval"]),
        element(
            "p",
            f"{passed} {metric['over']} passed; 95 % interval {interval_text(metric['interval'])}",
        ),
        class_="score",
    )


def _whisker(value: float, interval: JsonValue) -> Html:
    """Draw a share as a bar from 0 to 1, and its interval as a line with two ends over it."""
    drawn = [
        element("rect", class_="track", width="100%", y="8", height="16"),
        element("rect", class_="bar", width=_percent(value), y="8", height="16"),
    ]
    if isinstance(interval, list):
        low, high = (number(end) or 0.0 for end in interval)
        drawn.append(_line(_percent(low), _percent(high), "16", "16"))
        drawn += [_line(_percent(end), _percent(end), "3", "29") for end in (low, high)]
    told = f"{value_text(value)} of 1, 95 % interval {interval_text(interval)}"
    return element("svg", *drawn, class_="whisker", role="img", aria_label=told)


def _line(x1: str, x2: str, y1: str, y2: str) -> Html:
    return element("line", x1=x1, x2=x2, y1=y1, y2=y2)


def _percent(share: float) -> str:
    return f"{100 * min(1.0, max(0.0, share)):.3f}%"


def _protocols(document: Mapping[str, JsonValue]) -> Html:
    entries = document.get("protocols")
    rows: list[tuple[Child, ...]] = []
    for entry in entries if isinstance(entries, list) else []:
        one = mapping(entry)
        passed = f"{value_text(one['passed'])} of {value_text(one['steps'])}"
        solved = f"{value_text(one['problems_solved'])} of {value_text(one['problems'])}"
        rows.append((str(one["name"]), value_text(one["value"]), passed, solved, str(one["note"])))
    none = "None: the problems or the scored sub-steps are not those of a published protocol."
    head = ("problems/sub-steps", "value", "passed", "problems solved", "note")
    shown = table("This run under the protocols of published numbers", head, rows)
    return element(
        "section",
        element("h2", "Published protocols"),
        shown if rows else element("p", none),
    )


def _remarks(document: Mapping[str, JsonValue]) -> Html:
    texts = remark_texts(document)
    if not texts:
        return joined()
    entries = (element("li", clipped(text, _MOST_REMARK)) for text in texts)
    return element("section", element("h2", "Remarks"), element("ul", *entries))


def _metrics(metrics: Mapping[str, JsonValue]) -> Html:
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
                element("code", clipped(name, _MOST_TITLE)),
                value_text(metric["value"]),
                interval_text(metric["interval"]),
                *([spread] if repeated else []),
                f"{value_text(metric['numerator'])} / {value_text(metric['denominator'])}",
                str(metric["over"]),
            )
        )
    head = ("metric", "value", "95 % interval", *(["std dev"] if repeated else []), "of", "over")
    caption = "Metrics with their denominators; intervals take problems as the sample"
    return element("section", element("h2", "Metrics"), table(caption, head, rows))


def _usage(usage: Mapping[str, JsonValue]) -> Html:
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


def _settings(run: RunFiles) -> Html:
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
        (clipped(name, _MOST_TITLE), clipped(_setting(value), _MOST_VALUE))
        for name, value in values.items()
    ]
    return table(caption, ("setting", "value"), rows, class_="values")


def _setting(value: JsonValue) -> str:
    """Write a setting; nobody puts a password into an address that is passed on."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        written = ", ".join(map(str, value)) or "–"
    else:
        written = str(value) if isinstance(value, float) else value_text(value)
    return _CREDENTIALS.sub("://…@", written)
