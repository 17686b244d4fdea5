"""Cuts the cases of a sub-step into child parts and judge parts.

The child part is everything that does not depend on `target`; it ends by shipping the values that
the assert needs. The judge part is the comparison. A case that cannot be cut is refused.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.core.errors import DatasetError
from tasks.core.records import ChildCase
from tasks.core.splitting.derivation import derive_target
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
    body = inline_test_functions([s for s in body if not _imports_comparators(s)])
    if not any(isinstance(s, ast.Assert) for s in body):
        raise DatasetError(
            f"{where} cannot be split: expected an assert at its top level (or in a test function "
            "without arguments that is called once), found none; write the comparison as "
            "`assert np.allclose(f(x), target)`"
        )
    for statement in body:
        inner = [] if isinstance(statement, ast.Assert) else list(ast.walk(statement))
        if any(isinstance(node, ast.Assert) for node in inner):
            raise DatasetError(
                f"{where} cannot be split: an assert inside `{ast.unparse(statement)[:60]}…` "
                "would be decided where candidate code runs; move it to the top level of the case"
            )
    return body


def _imports_comparators(statement: ast.stmt) -> bool:
    module = statement.module if isinstance(statement, ast.ImportFrom) else None
    return module == "scicode.compare.cmp"


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
        if staying and placed.index not in moved and scope.depends_on_target(placed.node, placed.index):
            raise DatasetError(
                f"case {lifted.case + 1} of sub-step {step_id} cannot be split: "
                f"`{ast.unparse(placed.node)[:80]}` uses the target outside of the assert; "
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
    tail = [placed.index for placed in own if placed.index > min(part.ships_at)]
    plain = all(index in part.ships_at or index not in kept for index in tail)
    statements: list[str] = []
    for placed in own:
        if placed.index in kept:
            statements.append(ast.unparse(placed.node))
        elif placed.index in part.ships_at and not plain:
            # Shipped where the assert stood: what follows may change the values.
            statements += [
                f"{s} = {ast.unparse(part.slots[s])}" for s in part.ships_at[placed.index]
            ]
    ships = [ast.unparse(node) for node in part.slots.values()] if plain else list(part.slots)
    moved = [placed.node for placed in part.moved]
    judge = JudgeCase(
        source="\n".join(map(ast.unparse, moved)),
        slots=tuple(part.slots),
        condition=ast.unparse(part.condition),
        text=" and ".join(ast.unparse(p.node.test) for p in own if isinstance(p.node, ast.Assert)),
        uses_target=any(map(scope.depends_on_target, [part.condition, *moved])),
        derived=derive_target(part.condition, moved),
    )
    return SplitCase(ChildCase("\n".join(statements), tuple(ships)), judge)
