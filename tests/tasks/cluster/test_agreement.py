"""Nodes judge beside each other only if a program gets the same verdict on each."""

from dataclasses import replace

import pytest

from tasks.cluster.agreement import choose_reference, find_difference
from tasks.cluster.messages import NodeReport
from tasks.core.records import Environment
from tasks.sandbox.layers import report_level

HERE = Environment("current", "/usr/bin/python", "a" * 64)
REPORT = NodeReport(
    report_level(("landlock", "seccomp")), "Haswell", ("numpy 2.4", "scipy 1.17"), (HERE,), {}
)
OTHER = replace(REPORT, judge_libraries=("numpy 2.3", "scipy 1.17"))


@pytest.mark.parametrize(
    "same",
    [
        replace(REPORT, isolation=report_level(("seccomp",))),
        replace(REPORT, durations_s={"1.1": 3.0}),
        replace(REPORT, environments=(replace(HERE, python="/opt/bin/python"),)),
    ],
)
def test_a_node_may_differ_in_what_changes_no_verdict(same: NodeReport) -> None:
    assert find_difference(REPORT, same) is None


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (OTHER, "expected a judge with numpy 2.4, scipy 1.17 as on the other nodes, found numpy"),
        (replace(REPORT, blas_core=None), "computes for Haswell as on the other nodes, found None"),
        (
            replace(REPORT, environments=(replace(HERE, sha256="b" * 64),)),
            "environment current aaaaaaaaaaaa as on the other nodes, found bbbbbbbbbbbb",
        ),
    ],
)
def test_a_node_that_differs_is_told_in_what(other: NodeReport, said: str) -> None:
    found = find_difference(REPORT, other)
    assert found is not None
    assert said in found


def test_the_others_are_like_most_nodes_or_else_like_the_first() -> None:
    assert choose_reference({"a": OTHER, "b": REPORT, "c": REPORT}) is REPORT
    assert choose_reference({"a": OTHER, "b": REPORT}) is OTHER
