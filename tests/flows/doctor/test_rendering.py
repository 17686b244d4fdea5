"""Findings on a terminal, in a file and as JSON."""

import json
import re

import pytest

from flows.doctor.findings import Finding, Status
from flows.doctor.rendering import print_findings, print_json

FINDINGS = (
    Finding("python", Status.OK, "3.11.7 [needs more]"),
    Finding("dataset scicode", Status.NOTE, "data lacks " + "x" * 80, "scicode-flows prepare"),
    Finding("endpoint", Status.FAIL, "not there", "start it"),
)


def test_in_a_file_every_finding_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_findings(FINDINGS)
    assert capsys.readouterr().out.splitlines() == [
        "ok    python               3.11.7 [needs more]",
        f"note  dataset scicode      data lacks {'x' * 80} → scicode-flows prepare",
        "FAIL  endpoint             not there → start it",
        "not ready: 1 of 3 checks failed",
    ]


def test_on_a_terminal_no_line_is_longer_than_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    print_findings(FINDINGS)
    printed = capsys.readouterr().out
    assert "\x1b[1;31mFAIL" in printed
    lines = re.sub(r"\x1b\[[0-9;]*m", "", printed).splitlines()
    assert max(map(len, lines)) <= 60
    assert any("→ start it" in line for line in lines)
    assert "".join(line[22:].strip() for line in lines).count("x") == 80


def test_what_is_ready_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    print_findings(FINDINGS[:2])
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "ready: an evaluation with these settings can start"


def test_json_is_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    print_json(FINDINGS)
    document = json.loads(capsys.readouterr().out)
    assert document["ready"] is False
    assert document["findings"][2] == {
        "name": "endpoint",
        "status": "FAIL",
        "found": "not there",
        "advice": "start it",
    }
