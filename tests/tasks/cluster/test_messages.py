"""What crosses between evaluator and node comes out as it went in."""

from tasks.cluster.messages import (
    NodeReport,
    pack,
    read_report,
    read_verdict,
    read_work,
    report_fields,
    unpack,
    verdict_fields,
    work_fields,
)
from tasks.core.records import Environment, Reason, Verdict
from tasks.runner import Work
from tasks.sandbox.layers import report_level

# Two halves of one character, which JSON's escapes would join.
HALVES = "x = '\ud83d' + '\ude00' # \ud83d\ude00 \x00"


def test_a_program_may_hold_any_text() -> None:
    work = Work("current", "1.1", HALVES, fenced=False)
    assert read_work(unpack(pack(work_fields(work)))) == work


def test_a_verdict_keeps_what_a_single_run_knows() -> None:
    verdict = Verdict(Reason.WRONG_ANSWER, HALVES, 1.25, ("session", "seccomp"))
    assert read_verdict(unpack(pack(verdict_fields(verdict)))) == verdict


def test_a_report_keeps_what_verdicts_are_kept_under() -> None:
    report = NodeReport(
        report_level(("session", "landlock", "seccomp")),
        None,
        ("numpy 2.4", "scipy 1.17"),
        (Environment("current", "/usr/bin/python", "b" * 64),),
        {"1.1": 2.5},
    )
    assert read_report(unpack(pack(report_fields(report)))) == report
