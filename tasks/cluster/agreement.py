"""Decides which nodes may judge beside each other: those where a program gets the same verdict.

What has to be the same is what a kept verdict is named for: the packages of every environment, the
processor that OpenBLAS computes for, and the libraries of the judge. The level of confinement may
differ; each node has refused to open below the required one.
"""

from collections import Counter
from collections.abc import Mapping

from tasks.cluster.messages import NodeReport


def choose_reference(reports: Mapping[str, NodeReport]) -> NodeReport:
    """Return what most nodes are like; of several, what the first of them is like."""
    counted = Counter(map(_conditions, reports.values()))
    most = max(counted.values())
    return next(r for r in reports.values() if counted[_conditions(r)] == most)


def find_difference(reference: NodeReport, report: NodeReport) -> str | None:
    """Say in what a node differs from the others so that its verdicts could; None if in nothing."""
    pairs = zip(_conditions(reference), _conditions(report), strict=False)
    for (what, expected), (_, found) in pairs:
        if expected != found:
            return f"expected {what} {expected} as on the other nodes, found {found}"
    return None


def _conditions(report: NodeReport) -> tuple[tuple[str, str], ...]:
    environments = ((f"environment {e.name}", e.sha256[:12]) for e in report.environments)
    return (
        ("an OpenBLAS that computes for", str(report.blas_core)),
        ("a judge with", ", ".join(report.judge_libraries)),
        *environments,
    )
