"""What the names of a sub-step's cases stand for, at any point of their common timeline.

The cases of a sub-step run one after another in one namespace, so a name may come from an earlier
case; only `target` is new in each. A definition is movable to the judge when it is pure and no
candidate code can have changed its value: it is immutable, or it never reaches a statement or call
outside the judge's reach.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from tasks.core.splitting.case_functions import closed_helpers, judging_helpers
from tasks.core.splitting.exposure import exposed_names, outside_calls
from tasks.core.splitting.names import (
    COMPARATORS,
    PURE_BUILTINS,
    TARGET,
    binds,
    loads,
    rebound_by_functions,
)
from tasks.core.splitting.purity import is_immutable, is_pure, is_pure_function, is_verdict


@dataclass(frozen=True, slots=True)
class Placed:
    """A top-level statement with its place in the timeline and the case it belongs to."""

    index: int
    case: int
    node: ast.stmt
    reads: frozenset[str]
    binds: frozenset[str]


class Scope:
    """The timeline of one sub-step's cases, and the questions the splitter asks of it."""

    def __init__(self, cases: list[list[ast.stmt]]) -> None:
        self.timeline = list(_placed(cases))
        statements = [placed.node for placed in self.timeline]
        helpers = closed_helpers(statements)
        self._verdict_helpers = judging_helpers(helpers)
        bound = {name for placed in self.timeline for name in placed.binds}
        self._functions = ((PURE_BUILTINS | COMPARATORS) - bound) | helpers.keys()
        self._tainted = list(self._tainted_names())
        self._unsteady = {n for statement in statements for n in rebound_by_functions(statement)}
        # What is found out once: a chain of sums would otherwise be walked once for each path.
        self._movable: dict[tuple[str, int], bool] = {}
        self._constants: dict[int, bool] = {}
        self._exposed = exposed_names(statements, self._functions, helpers)

    def definition(self, name: str, before: int) -> Placed | None:
        """The last statement before a point of the timeline that binds the name."""
        for placed in reversed(self.timeline[:before]):
            if name == TARGET and placed.case != self.timeline[before].case:
                return None
            if name in placed.binds:
                return placed
        return None

    def movable(self, name: str, before: int) -> bool:
        """Whether the judge can have the name's value without the child."""
        placed = self.definition(name, before)
        if placed is None:
            return name == TARGET
        known = (name, placed.index)
        if known not in self._movable:
            self._movable[known] = self._is_movable(name, placed, before)
        return self._movable[known]

    def pure(self, node: ast.expr, before: int) -> bool:
        """Whether the judge can evaluate the expression at this point without the child."""
        return is_pure(node, lambda name: self.movable(name, before), self._functions)

    def pure_function(self, node: ast.expr) -> bool:
        """Whether a call of this function is the judge's to make, given pure arguments."""
        return is_pure_function(node, self._functions)

    def verdict(self, node: ast.expr) -> bool:
        """Whether the expression's own value is a judgement."""
        return is_verdict(node, self._verdict_helpers)

    def tainted(self, name: str, at: int) -> bool:
        """Whether the name is `target`, or made from it, at this place of the timeline."""
        return name in self._tainted[at]

    def depends_on_target(self, node: ast.AST, at: int) -> bool:
        """Whether what stands at this place reads `target` or a name made from it."""
        return bool(loads(node) & self._tainted[at])

    def unchanged(self, names: set[str], first: int, last: int) -> bool:
        """Whether these names surely keep their values from one place up to another.

        Between the two stand asserts and plain assignments to names only, none of which calls
        candidate code or binds one of the names; nor does the statement at the first place.
        """
        return not any(
            placed.binds & names
            or not (isinstance(placed.node, ast.Assert) or _assigned(placed.node))
            or self.calls_out(placed.node)
            for placed in self.timeline[first:last]
        )

    def calls_out(self, node: ast.AST) -> bool:
        """Whether the expression calls candidate code, or what may change a value in place."""
        return any(outside_calls(node, self._functions))

    def _is_movable(self, name: str, placed: Placed, before: int) -> bool:
        if isinstance(placed.node, ast.FunctionDef):
            return name in self._functions
        value = _assigned(placed.node)
        if value is None or name in self._unsteady or not self.pure(value, placed.index):
            return False
        return (
            self.tainted(name, before)
            or name not in self._exposed
            or is_immutable(value, lambda n: self._constant(n, placed.index))
        )

    def _constant(self, name: str, before: int) -> bool:
        placed = self.definition(name, before)
        value = None if placed is None else _assigned(placed.node)
        if placed is None or value is None:
            return False
        if placed.index not in self._constants:
            self._constants[placed.index] = is_immutable(
                value, lambda n: self._constant(n, placed.index)
            )
        return self._constants[placed.index]

    def _tainted_names(self) -> Iterator[frozenset[str]]:
        """The tainted names before each statement."""
        tainted: frozenset[str] = frozenset()
        case = -1
        for placed in self.timeline:
            if placed.case != case:
                case, tainted = placed.case, tainted | {TARGET}
            yield tainted
            if placed.reads & tainted and not isinstance(placed.node, ast.Assert):
                tainted |= placed.binds
            elif _assigned(placed.node) is not None:
                tainted -= placed.binds


def _placed(cases: list[list[ast.stmt]]) -> Iterator[Placed]:
    flat = ((case, node) for case, body in enumerate(cases) for node in body)
    for index, (case, node) in enumerate(flat):
        yield Placed(index, case, node, frozenset(loads(node)), frozenset(binds(node)))


def _assigned(statement: ast.stmt) -> ast.expr | None:
    """The value of a plain assignment to names, None for every other statement."""
    if isinstance(statement, ast.AnnAssign):
        return statement.value if isinstance(statement.target, ast.Name) else None
    if not isinstance(statement, ast.Assign):
        return None
    plain = ast.Name | ast.Tuple | ast.List | ast.Starred | ast.expr_context
    parts = (part for target in statement.targets for part in ast.walk(target))
    return statement.value if all(isinstance(part, plain) for part in parts) else None
