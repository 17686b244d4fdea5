"""What the names of a sub-step's cases stand for, at any point of their common timeline.

The cases of a sub-step run one after another in one namespace, so a name may come from an earlier
case. A definition is movable to the judge when it is pure and no candidate code can have changed
its value: it is immutable, or it never reaches a statement or call outside the judge's reach.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from tasks.core.splitting.names import TARGET, binds, free_names, loads
from tasks.core.splitting.purity import (
    COMPARATORS,
    children,
    is_immutable,
    is_pure,
    is_pure_function,
    is_verdict,
)


@dataclass(frozen=True, slots=True)
class Placed:
    """A top-level statement with its place in the timeline and the case it belongs to."""

    index: int
    case: int
    node: ast.stmt


class Scope:
    """The timeline of one sub-step's cases, and the questions the splitter asks of it."""

    def __init__(self, cases: list[list[ast.stmt]]) -> None:
        flat = [(case, node) for case, body in enumerate(cases) for node in body]
        self.timeline = [Placed(index, case, node) for index, (case, node) in enumerate(flat)]
        self.helpers = self._closed_helpers()
        self.verdict_helpers = {
            name for name, function in self.helpers.items() if self._judges(function)
        }
        self.tainted = self._tainted_names()
        self._exposed = self._exposed_names()

    def definition(self, name: str, before: int) -> Placed | None:
        """The last statement before a point of the timeline that binds the name."""
        for placed in reversed(self.timeline[:before]):
            if name in binds(placed.node):
                return placed
        return None

    def movable(self, name: str, before: int) -> bool:
        """Whether the judge can have the name's value without the child."""
        placed = self.definition(name, before)
        if placed is None:
            return False
        if isinstance(placed.node, ast.FunctionDef):
            return name in self.helpers
        value = _assigned(placed.node)
        if value is None or not self.pure(value, placed.index):
            return False
        return (
            name in self.tainted
            or name not in self._exposed
            or is_immutable(value, lambda n: self._constant(n, placed.index))
        )

    def pure(self, node: ast.expr, before: int) -> bool:
        """Whether the judge can evaluate the expression at this point without the child."""
        return is_pure(node, lambda name: self.movable(name, before), self.helpers.keys())

    def pure_function(self, node: ast.expr) -> bool:
        """Whether a call of this function is the judge's to make, given pure arguments."""
        return is_pure_function(node, self.helpers.keys())

    def verdict(self, node: ast.expr) -> bool:
        """Whether the expression's own value is a judgement."""
        return is_verdict(node, self.verdict_helpers)

    def depends_on_target(self, node: ast.AST) -> bool:
        """Whether the expression reads `target` or a name made from it."""
        return bool(loads(node) & self.tainted)

    def unchanged(self, names: set[str], first: int, last: int) -> bool:
        """Whether these names surely keep their values from one place up to another.

        Between the two stand plain assignments only, none of which calls candidate code or binds
        one of the names; nor does the statement at the first place.
        """
        between = [placed.node for placed in self.timeline[first:last]]
        return not any(
            binds(node) & names
            or not isinstance(node, ast.Assign)
            or any(self._outside_calls(node))
            for node in between
        )

    def _constant(self, name: str, before: int) -> bool:
        placed = self.definition(name, before)
        value = None if placed is None else _assigned(placed.node)
        return (
            placed is not None
            and value is not None
            and is_immutable(value, lambda n: self._constant(n, placed.index))
        )

    def _closed_helpers(self) -> dict[str, ast.FunctionDef]:
        """Functions of the cases that reach nothing but numpy, builtins and one another."""
        found = {
            placed.node.name: placed.node
            for placed in self.timeline
            if isinstance(placed.node, ast.FunctionDef)
        }
        while True:
            known = {"np", *COMPARATORS, *found}
            closed = {
                name: f for name, f in found.items() if free_names(f) <= known and _no_random(f)
            }
            if len(closed) == len(found):
                return closed
            found = closed

    def _judges(self, function: ast.FunctionDef) -> bool:
        returned = [n.value for n in ast.walk(function) if isinstance(n, ast.Return)]
        return bool(returned) and all(
            value is not None
            and (
                is_verdict(value, frozenset())
                or (isinstance(value, ast.Constant) and isinstance(value.value, bool))
            )
            for value in returned
        )

    def _tainted_names(self) -> set[str]:
        tainted = {TARGET}
        for placed in self.timeline:
            if isinstance(placed.node, ast.Assign) and loads(placed.node.value) & tainted:
                tainted |= binds(placed.node)
        return tainted

    def _exposed_names(self) -> set[str]:
        """Names whose value candidate code may hold, and so change in place."""
        exposed: set[str] = set()
        for placed in self.timeline:
            exposed |= self._exposed_by(placed.node)
        while True:
            more = {
                name
                for placed in self.timeline
                if isinstance(placed.node, ast.Assign) and binds(placed.node) & exposed
                for name in loads(placed.node.value)
            }
            if more <= exposed:
                return exposed
            exposed |= more

    def _exposed_by(self, statement: ast.stmt) -> set[str]:
        if isinstance(statement, ast.FunctionDef):
            return set() if statement.name in self.helpers else loads(statement)
        if isinstance(statement, ast.Assign | ast.Assert):
            return {name for call in self._outside_calls(statement) for name in loads(call)}
        return loads(statement) | binds(statement)

    def _outside_calls(self, node: ast.AST) -> Iterator[ast.Call]:
        """Calls that are not the judge's to make, wherever they stand below the node."""
        for call in (n for n in ast.walk(node) if isinstance(n, ast.Call)):
            if not self.pure_function(call.func) and not self._pure_method(call):
                yield call

    def _pure_method(self, call: ast.Call) -> bool:
        def anything(_: str) -> bool:
            return True

        return is_pure(call, anything, self.helpers.keys())


def _assigned(statement: ast.stmt) -> ast.expr | None:
    """The value of a plain assignment to names, None for every other statement."""
    if not isinstance(statement, ast.Assign):
        return None
    for target in statement.targets:
        parts = children(target) if isinstance(target, ast.Tuple | ast.List) else [target]
        if not all(isinstance(part, ast.Name) for part in parts):
            return None
    return statement.value


def _no_random(function: ast.FunctionDef) -> bool:
    attributes = {n.attr for n in ast.walk(function) if isinstance(n, ast.Attribute)}
    return "random" not in attributes
