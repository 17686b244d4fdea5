"""case -> what a score means: finds sub-steps that can be passed by guessing.

A case that asks only for a relation among the program's own values (a mean near 1, one value below
another), or whose target is a truth value or a small integer, says little about the code behind
it. A sub-step all of whose cases are such is guessable: it counts as any other, and the metrics say
how much of the score it is.
"""

import ast
from collections.abc import Sequence

from tasks.core.splitting.names import loads
from tasks.core.splitting.split import JudgeCase

# What gives a truth value whatever it is given.
_JUDGING_CALLS = frozenset(
    {"isclose", "allclose", "all", "any", "isnan", "isfinite", "array_equal"}
)
_LIBRARIES = frozenset({"np", "abs", "all", "any", "len", "max", "min", "sum"})


def is_guessable(cases: Sequence[JudgeCase], literals: Sequence[bool]) -> bool:
    """Tell whether every case of a sub-step can be passed by guessing.

    Args:
        cases: the judge's parts.
        literals: for each case, whether its target is a truth value or a small integer.
    """
    return bool(cases) and all(map(_case_is_guessable, cases, literals))


def _case_is_guessable(case: JudgeCase, literal: bool) -> bool:  # noqa: FBT001 - one of a sequence
    condition = ast.parse(case.condition, mode="eval").body
    if not case.uses_target:
        # With expected values written into the case it is a comparison like any other.
        return loads(condition) <= {*case.slots, *_LIBRARIES}
    match condition:
        case ast.Compare(left=asked, ops=[ast.Eq()], comparators=[ast.Name(id="target")]):
            return literal or _gives_truth(asked)
        case _:
            return False


def _gives_truth(node: ast.expr) -> bool:
    match node:
        case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
            return True
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return all(map(_gives_truth, parts))
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)):
            return name in _JUDGING_CALLS
        case _:
            return False
