"""metrics -> report: renders the files of one run as report.html, a page that needs nothing else.

It holds no link to anything outside of itself, and its policy lets no other script run than ours.
Names, settings and details are other people's text: they enter as text, see `html_elements`.
"""

import base64
import hashlib
from collections.abc import Mapping

from tasks.core.html_elements import Html, clipped, element, joined
from tasks.core.json_value import JsonValue
from tasks.core.report_problems import map_section, problems_section
from tasks.core.report_records import RunFiles, mapping, number
from tasks.core.report_style import SCRIPT, STYLE
from tasks.core.report_values import (
    metrics_section,
    protocols_section,
    settings_section,
    usage_section,
)
from tasks.core.report_verdicts import failures_section, reasons_section
from tasks.core.reporting import remark_texts
from tasks.core.value_text import interval_text, value_text

_HEADLINE = "subtask_accuracy"
_MOST_TITLE, _MOST_REMARK = 200, 2000


def report_page(run: RunFiles) -> str:
    """Render a run as one HTML page."""
    title, names = _title(run), run.names
    body = element(
        "main",
        element("header", element("h1", title), _dates(run.record)),
        _headline(mapping(mapping(run.document["metrics"])[_HEADLINE])),
        protocols_section(run.document),
        _remarks(run.document),
        metrics_section(mapping(run.document["metrics"])),
        reasons_section(run),
        map_section(run, names),
        problems_section(run, names),
        failures_section(run),
        usage_section(run),
        settings_section(run),
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
        element("p", *(element("span", end) for end in ("0", "0.5", "1")), class_="axis"),
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


def _remarks(document: Mapping[str, JsonValue]) -> Html:
    texts = remark_texts(document)
    if not texts:
        return joined()
    entries = (element("li", clipped(text, _MOST_REMARK)) for text in texts)
    return element("section", element("h2", "Remarks"), element("ul", *entries))
