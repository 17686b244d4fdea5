"""The functions that a sub-step's cases define, as far as the judge can run them.

A helper that reaches nothing but numpy, builtins and other such helpers moves to the judge with
the comparison that calls it.
"""

import ast
from collections.abc import Mapping, Sequence

from tasks.core.splitting.names import COMPARATORS, binds, free_names
from tasks.core.splitting.purity import is_verdict

Helpers = Mapping[str, Sequence[ast.FunctionDef]]


def closed_helpers(statements: Sequence[ast.stmt]) -> Helpers:
    """Return the definitions of every helper, under its name.

    A name that the cases also bind in another way, or define once in a way that is out of the
    judge's reach, is no helper.
    """
    found: dict[str, list[ast.FunctionDef]] = {}
    for statement in statements:
        if isinstance(statement, ast.FunctionDef):
            found.setdefault(statement.name, []).append(statement)
    others = (s for s in statements if not isinstance(s, ast.FunctionDef))
    for name in {name for statement in others for name in binds(statement)}:
        found.pop(name, None)
    while True:
        known = {"np", *COMPARATORS, *found}
        closed = {name: fs for name, fs in found.items() if all(_closed(f, known) for f in fs)}
        if len(closed) == len(found):
            return closed
        found = closed


def judging_helpers(helpers: Helpers) -> frozenset[str]:
    """Return the names of those helpers whose value is a judgement."""
    return frozenset(name for name, functions in helpers.items() if all(map(_judges, functions)))


def _closed(function: ast.FunctionDef, known: set[str]) -> bool:
    nodes = list(ast.walk(function))
    outward = any(isinstance(node, ast.Global | ast.Nonlocal) for node in nodes)
    random = any(isinstance(node, ast.Attribute) and node.attr == "random" for node in nodes)
    return free_names(function) <= known and not outward and not random


def _judges(function: ast.FunctionDef) -> bool:
    returned = [n.value for n in ast.walk(function) if isinstance(n, ast.Return)]
    return bool(returned) and all(
        value is not None
        and (
            is_verdict(value, frozenset())
            or (isinstance(value, ast.Constant) and isinstance(value.value, bool))
        )
        for value in returned
    )
