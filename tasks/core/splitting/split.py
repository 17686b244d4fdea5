"""Cuts the cases of a sub-step into child parts and judge parts.

The child part is everything that does not depend on `target`; it ends by shipping the values that
the assert needs. The judge part is the comparison. A case that cannot be cut is refused.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from tasks.core.errors import DatasetError
from tasks.core.records import ChildCase
from tasks.core.splitting.derivation import derive_target
from tasks.core.splitting.hoisting import name_operands
from tasks.core.splitting.inlining import inline_test_functions
from tasks.core.splitting.lifting import Lifter
from tasks.core.splitting.names import binds, loads
from tasks.core.splitting.scope import Placed, Scope


@dataclass(frozen=True, slots=True)
class JudgeCase:
    """The judge's part of one case.

    `slots` name the shipped values in the order in which the child ships them; `source` defines
    what the condition needs besides; `condition` is true when the case holds, and `text` is how
    the benchmark wrote it. `derived` is the target as an expression over the slots, None where it
    cannot be read off the condition.
    """

    source: str
    slots: tuple[str, ...]
    condition: str
    text: str
    uses_target: bool
    derived: str | None


@dataclass(frozen=True, slots=True)
class SplitCase:
    """One case of a sub-step, cut in two."""

    child: ChildCase
    judge: JudgeCase


def split_cases(step_id: str, cases: Sequence[str]) -> tuple[SplitCase, ...]:
    """Cut all cases of a sub-step; they share one namespace, in order.

    Raises:
        DatasetError: a case is not valid Python, has no assert of its own, or cannot be cut.
    """
    bodies = [_parse(step_id, number, case) for number, case in enumerate(cases, 1)]
    scope = Scope(bodies)
    lifted = [_lift(step_id, scope, case) for case in range(len(bodies))]
    kept = _kept(scope, lifted)
    return tuple(_assemble(scope, part, kept) for part in lifted)


@dataclass(frozen=True, slots=True)
class _Lifted:
    case: int
    slots: dict[str, ast.expr]
    condition: ast.expr
    moved: tuple[Placed, ...]
    ships_at: dict[int, tuple[str, ...]]
    """Slots first needed by the assert at a place of the timeline."""


def _parse(step_id: str, number: int, case: str) -> list[ast.stmt]:
    where = f"case {number} of sub-step {step_id}"
    try:
        body = ast.parse(case).body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise DatasetError(
            f"{where} is not valid Python: {error}; mend its entry in test_cases"
        ) from error
    body = [_WithoutComparators().visit(statement) for statement in body]
    body = [s for s in inline_test_functions(body) if not isinstance(s, ast.Pass)]
    for statement in body:
        _refuse_hidden(where, statement)
    if not any(isinstance(s, ast.Assert) for s in body):
        raise DatasetError(
            f"{where} cannot be split: expected an assert at its top level (or in a test function "
            "without arguments that is called once), found none; write the comparison as "
            "`assert np.allclose(f(x), target)`"
        )
    return name_operands(body, number)


def _refuse_hidden(where: str, statement: ast.stmt) -> None:
    nodes = list(ast.walk(statement))
    if isinstance(statement, ast.Assert):
        if any(isinstance(node, ast.NamedExpr) for node in nodes):
            raise DatasetError(
                f"{where} cannot be split: `{_short(statement)}` binds a name inside an assert; "
                "bind it in a statement before"
            )
    elif any(isinstance(node, ast.Assert) for node in nodes):
        raise DatasetError(
            f"{where} cannot be split: an assert inside `{_short(statement)}` would be decided "
            "where candidate code runs; move it to the top level of the case, or into a test "
            "function without arguments that is called once"
        )
    if "np" in binds(statement) and not isinstance(statement, ast.Import):
        raise DatasetError(
            f"{where} cannot be split: `{_short(statement)}` gives the name of numpy, `np`, to "
            "something else; take another name"
        )


def _short(statement: ast.stmt) -> str:
    line, *more = ast.unparse(statement).split("\n")
    return line[:80] + ("…" if more or len(line) > 80 else "")


class _WithoutComparators(ast.NodeTransformer):
    """Drops imports of SciCode's comparators, which the judge has under the same names."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:
        return ast.Pass() if node.module == "scicode.compare.cmp" else node


def _lift(step_id: str, scope: Scope, case: int) -> _Lifted:
    lifter = Lifter(scope, case)
    conditions: list[ast.expr] = []
    ships_at: dict[int, tuple[str, ...]] = {}
    for placed in scope.timeline:
        if placed.case == case and isinstance(placed.node, ast.Assert):
            known = set(lifter.slots)
            try:
                conditions.append(lifter.lift(placed.node.test, placed.index))
            except DatasetError as error:
                raise DatasetError(
                    f"case {case + 1} of sub-step {step_id} cannot be split: {error}"
                ) from error
            ships_at[placed.index] = tuple(slot for slot in lifter.slots if slot not in known)
    condition = conditions[0] if len(conditions) == 1 else ast.BoolOp(ast.And(), conditions)
    moved = tuple(placed for _, placed in sorted(lifter.moved.items()))
    lifted = _Lifted(case, lifter.slots, condition, moved, ships_at)
    _refuse_leaks(step_id, scope, lifted)
    return lifted


def _refuse_leaks(step_id: str, scope: Scope, lifted: _Lifted) -> None:
    """Every statement that reads the target must have gone to the judge."""
    moved = {placed.index for placed in lifted.moved}
    for placed in scope.timeline:
        staying = placed.case == lifted.case and not isinstance(placed.node, ast.Assert)
        if (
            staying
            and placed.index not in moved
            and scope.depends_on_target(placed.node, placed.index)
        ):
            raise DatasetError(
                f"case {lifted.case + 1} of sub-step {step_id} cannot be split: "
                f"`{_short(placed.node)}` uses the target outside of the assert; "
                "compare values with `target` in the assert itself"
            )


def _kept(scope: Scope, lifted: Sequence[_Lifted]) -> set[int]:
    """Places of the statements that stay in the child: all but those only the judge needs."""
    moved = {placed.index for part in lifted for placed in part.moved}
    asserts = {p.index for p in scope.timeline if isinstance(p.node, ast.Assert)}
    kept = {placed.index for placed in scope.timeline} - moved - asserts
    used = {name for part in lifted for node in part.slots.values() for name in loads(node)}
    for index in kept:
        used |= loads(scope.timeline[index].node)
    while True:
        back = {
            index
            for index in moved - kept
            if binds(scope.timeline[index].node) & used
            and not scope.depends_on_target(scope.timeline[index].node, index)
        }
        if not back:
            return kept
        kept |= back
        for index in back:
            used |= loads(scope.timeline[index].node)


def _assemble(scope: Scope, part: _Lifted, kept: set[int]) -> SplitCase:
    own = [placed for placed in scope.timeline if placed.case == part.case]
    asserts = [placed for placed in own if isinstance(placed.node, ast.Assert)]
    moved = [placed.node for placed in part.moved]
    judge = JudgeCase(
        source="\n".join(map(ast.unparse, moved)),
        slots=tuple(part.slots),
        condition=ast.unparse(part.condition),
        text=" and ".join(ast.unparse(cast("ast.Assert", placed.node).test) for placed in asserts),
        uses_target=any(scope.depends_on_target(p.node, p.index) for p in [*asserts, *part.moved]),
        derived=derive_target(part.condition, moved),
    )
    return SplitCase(_child(scope, own, part, kept), judge)


def _child(scope: Scope, own: Sequence[Placed], part: _Lifted, kept: set[int]) -> ChildCase:
    if _settled(scope, own, part, kept):
        body = [ast.unparse(placed.node) for placed in own if placed.index in kept]
        return ChildCase("\n".join(body), tuple(map(ast.unparse, part.slots.values())))
    statements: list[str] = []
    for placed in own:
        if placed.index in kept:
            statements.append(ast.unparse(placed.node))
        for slot in part.ships_at.get(placed.index, ()):
            value = ast.unparse(part.slots[slot])
            # What follows may change the value in place.
            statements.append(f"{slot} = __import__('copy').deepcopy({value})")
    return ChildCase("\n".join(statements), tuple(part.slots))


def _settled(scope: Scope, own: Sequence[Placed], part: _Lifted, kept: set[int]) -> bool:
    """Whether nothing runs any more after the first of the values has been taken."""
    after = [placed.index for placed in own if placed.index > min(part.ships_at)]
    calls = map(scope.calls_out, list(part.slots.values())[1:])
    return not any(calls) and not any(index in kept for index in after)
