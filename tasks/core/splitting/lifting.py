"""Turns an assert's condition into the judge's expression, and lists what the child must ship.

Of a judgement (comparison, boolean, `np.isclose` …) the operands are shipped, never its value. An
operand compared with the target is shipped whole, since only the right value passes. Operands of
a relation that the target does not protect are taken apart as far as possible, so that constants
and tolerances come from the case and not from the child.
"""

import ast
import copy

from tasks.core.errors import DatasetError
from tasks.core.splitting.names import dotted, free_names, loads
from tasks.core.splitting.purity import Comprehension, call_arguments, children, is_numpy
from tasks.core.splitting.scope import Placed, Scope


class Lifter:
    """Lifts the conditions of one case; collects slots and the statements that move along."""

    def __init__(self, scope: Scope, case: int) -> None:
        self.scope = scope
        self.slots: dict[str, ast.expr] = {}
        self.moved: dict[int, Placed] = {}
        self._case = case
        self._at = 0

    def lift(self, condition: ast.expr, at: int) -> ast.expr:
        """Return the judge's form of the condition of the assert at a place of the timeline."""
        self._at = at
        return self._structure(condition, deep=True)

    def _structure(self, node: ast.expr, *, deep: bool) -> ast.expr:
        if self.scope.pure(node, self._at):
            return self._take(node)
        if isinstance(node, ast.Name):
            return self._name(node)
        if not self._splits(node):
            return self._deep(node) if deep else self._ship(node)
        if isinstance(node, Comprehension):
            return self._comprehension(node)
        if isinstance(node, ast.Compare) or self._compares(node):
            operands = call_arguments(node) if isinstance(node, ast.Call) else children(node)
            deep = not any(self.scope.depends_on_target(operand) for operand in operands)
        return self._each(node, deep=deep)

    def _splits(self, node: ast.expr) -> bool:
        """Whether a judgement or the target is inside, outside of calls of candidate code."""
        if self.scope.verdict(node):
            return True
        if isinstance(node, ast.Name):
            value = self._value(node)
            return node.id in self.scope.tainted or (value is not None and self._splits(value))
        if isinstance(node, ast.Call) and not self._judge_call(node):
            if self.scope.depends_on_target(node):
                raise DatasetError(
                    f"`{ast.unparse(node)}` hands the target to code that the judge does not "
                    "have; compare its value with the target instead"
                )
            return False
        return any(map(self._splits, _below(node)))

    def _judge_call(self, call: ast.Call) -> bool:
        if self.scope.pure_function(call.func):
            return True
        return isinstance(call.func, ast.Attribute) and self._splits(call.func.value)

    def _compares(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and self.scope.verdict(node)

    def _deep(self, node: ast.expr) -> ast.expr:
        """Keep the glue around the child's values, ship the values themselves."""
        if isinstance(node, ast.BinOp | ast.UnaryOp | ast.Tuple | ast.List):
            return self._each(node, deep=True)
        if isinstance(node, ast.Call) and is_numpy(node.func):
            return self._each(node, deep=True)
        if isinstance(node, ast.Call) and dotted(node.func) in (("abs",), ("sum",), ("len",)):
            return self._each(node, deep=True)
        return self._ship(node)

    def _each(self, node: ast.expr, *, deep: bool) -> ast.expr:
        """Lift every operand of a node, the node itself stays with the judge."""
        clone = copy.copy(node)
        for field, value in ast.iter_fields(node):
            if isinstance(node, ast.Call) and field == "func":
                clone.__setattr__(field, self._function(node.func))
            elif isinstance(value, list):
                lifted = [self._part(item, deep=deep) for item in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - ast fields are untyped
                clone.__setattr__(field, lifted)
            else:
                clone.__setattr__(field, self._part(value, deep=deep))
        return clone

    def _part(self, part: object, *, deep: bool) -> object:
        if isinstance(part, ast.keyword):
            return ast.keyword(part.arg, self._structure(part.value, deep=deep))
        return self._structure(part, deep=deep) if isinstance(part, ast.expr) else part

    def _function(self, func: ast.expr) -> ast.expr:
        if isinstance(func, ast.Attribute) and not is_numpy(func):
            return ast.Attribute(self._structure(func.value, deep=True), func.attr, func.ctx)
        return self._take(func)

    def _comprehension(self, node: Comprehension) -> ast.expr:
        """Ship what the first loop runs over; the rest must be the judge's to evaluate."""
        first = node.generators[0]
        clone = copy.deepcopy(node)
        clone.generators[0].iter = ast.Constant(())
        if not self.scope.pure(clone, self._at):
            raise DatasetError(
                f"`{ast.unparse(node)}` calls candidate code for each element of a comparison; "
                "build the list in a statement of its own before the assert"
            )
        self._take(clone)
        clone.generators[0].iter = self._structure(first.iter, deep=True)
        return clone

    def _name(self, node: ast.Name) -> ast.expr:
        """A name that holds a judgement is replaced by it, every other one is shipped."""
        value = self._value(node)
        if value is not None and self._splits(value):
            return self._structure(value, deep=True)
        return self._ship(node)

    def _value(self, node: ast.Name) -> ast.expr | None:
        """What the name was set to, where it still has that value at the assert."""
        placed = self.scope.definition(node.id, self._at)
        if placed is None or not isinstance(placed.node, ast.Assign):
            return None
        single = len(placed.node.targets) == 1 and isinstance(placed.node.targets[0], ast.Name)
        same = self.scope.unchanged(loads(placed.node.value), placed.index, self._at)
        return placed.node.value if single and same else None

    def _ship(self, node: ast.expr) -> ast.expr:
        if self.scope.depends_on_target(node):
            raise DatasetError(
                f"`{ast.unparse(node)}` mixes the target with values of the candidate in a way "
                "that cannot be split; compare the candidate's value with the target directly"
            )
        source = ast.unparse(node)
        for slot, shipped in self.slots.items():
            if ast.unparse(shipped) == source:
                return ast.Name(slot, ast.Load())
        slot = f"_shipped_{self._case + 1}_{len(self.slots)}"
        self.slots[slot] = node
        return ast.Name(slot, ast.Load())

    def _take(self, node: ast.expr) -> ast.expr:
        """Leave an expression to the judge, with the definitions that it needs."""
        self._move(loads(node), self._at)
        return node

    def _move(self, names: set[str], before: int) -> None:
        for name in names:
            placed = self.scope.definition(name, before)
            # A loop variable may share its name with something else of the case.
            if placed is None or placed.index in self.moved or not self.scope.movable(name, before):
                continue
            self.moved[placed.index] = placed
            needed = (
                free_names(placed.node)
                if isinstance(placed.node, ast.FunctionDef)
                else loads(placed.node)
            )
            self._move(needed, before if isinstance(placed.node, ast.FunctionDef) else placed.index)


def _below(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.Call):
        inner = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        return [*inner, *call_arguments(node)]
    if isinstance(node, Comprehension):
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        return [*parts, *(g.iter for g in node.generators)]
    return children(node)
