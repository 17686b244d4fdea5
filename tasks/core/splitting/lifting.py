"""Turns an assert's condition into the judge's expression, and lists what the child must ship.

Of a judgement (comparison, boolean, `np.isclose` …) the operands are shipped, never its value. An
operand compared with the target is shipped whole, since only the right value passes. Operands of
a relation that the target does not protect are taken apart as far as possible, so that constants
and tolerances come from the case and not from the child.
"""

import ast
import copy
from collections.abc import Iterable

from tasks.core.errors import DatasetError
from tasks.core.splitting.names import SLOT, TARGET, dotted, loads
from tasks.core.splitting.purity import (
    Comprehension,
    call_arguments,
    children,
    is_numpy,
    is_pure_method,
)
from tasks.core.splitting.scope import Placed, Scope

_LIFTED = (
    ast.Attribute, ast.BinOp, ast.BoolOp, ast.Call, ast.Compare, ast.Dict, ast.IfExp, ast.List,
    ast.Set, ast.Slice, ast.Starred, ast.Subscript, ast.Tuple, ast.UnaryOp,
)  # fmt: skip
# They turn objects of any class into values that can be shipped.
_CONVERSIONS = tuple((name,) for name in "complex dict enumerate float frozenset int list map "
    "range reversed set slice sorted str tuple zip".split())  # fmt: skip


class Lifter:
    """Lifts the conditions of one case; collects slots and the statements that move along."""

    def __init__(self, scope: Scope, case: int) -> None:
        self.scope = scope
        self.slots: dict[str, ast.expr] = {}
        self.moved: dict[int, Placed] = {}
        self._case = case
        self._at = 0
        self._lazy = False
        self._known: dict[tuple[int, str], str] = {}

    def lift(self, condition: ast.expr, at: int) -> ast.expr:
        """Return the judge's form of the condition of the assert at a place of the timeline."""
        self._at = at
        return self._structure(condition, deep=True)

    def _structure(self, node: ast.expr, *, deep: bool) -> ast.expr:
        if self.scope.pure(node, self._at):
            return self._take(node)
        if isinstance(node, ast.Name):
            return self._name(node)
        if isinstance(node, ast.Starred | ast.Slice):
            return self._each(node, deep=deep)
        if not self._splits(node):
            return self._deep(node) if deep else self._ship(node)
        if isinstance(node, Comprehension):
            return self._comprehension(node)
        if isinstance(node, ast.Compare) or self._compares(node):
            operands = call_arguments(node) if isinstance(node, ast.Call) else children(node)
            deep = not any(map(self._reads_target, operands))
        return self._each(node, deep=deep)

    def _reads_target(self, node: ast.expr) -> bool:
        return self.scope.depends_on_target(node, self._at)

    def _splits(self, node: ast.expr) -> bool:
        """Whether a judgement or the target is inside, outside of calls of candidate code."""
        if self.scope.verdict(node):
            return True
        if isinstance(node, ast.Name):
            value = self._value(node)
            return self.scope.tainted(node.id, self._at) or (
                value is not None and self._splits(value)
            )
        if isinstance(node, ast.Call) and not self._judge_call(node):
            if self._reads_target(node):
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
        if isinstance(node, ast.Call) and self._keeps_value(node):
            return self._each(node, deep=True)
        return self._ship(node)

    def _keeps_value(self, call: ast.Call) -> bool:
        """Whether the judge can make the call: the arguments are values that can be shipped."""
        func, name = call.func, dotted(call.func)
        if isinstance(func, ast.Attribute) and not is_numpy(func):
            return is_pure_method(func) and self._arithmetic(func.value)
        if name == ("isinstance",):
            kinds = (self.scope.pure(kind, self._at) for kind in call.args[1:])
            return self.scope.pure_function(func) and all(kinds)
        return self.scope.pure_function(func) and name not in _CONVERSIONS

    def _arithmetic(self, node: ast.expr) -> bool:
        """Whether this is glue, not an object of the candidate with methods of its own."""
        if isinstance(node, ast.Call):
            return self._keeps_value(node)
        return isinstance(node, ast.BinOp | ast.UnaryOp)

    def _each(self, node: ast.expr, *, deep: bool) -> ast.expr:
        """Lift every operand of a node, the node itself stays with the judge."""
        if not isinstance(node, _LIFTED):
            raise DatasetError(
                f"`{ast.unparse(node)}` stands around a comparison; write the comparison itself "
                "into the assert"
            )
        clone = copy.copy(node)
        before = self._lazy
        self._lazy |= isinstance(node, ast.IfExp)
        self._lazy |= isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or)
        for field, value in ast.iter_fields(node):
            if isinstance(node, ast.Call) and field == "func":
                clone.__setattr__(field, self._function(node.func))
            elif isinstance(value, list):
                lifted = [self._part(item, deep=deep) for item in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - ast fields are untyped
                clone.__setattr__(field, lifted)
            else:
                clone.__setattr__(field, self._part(value, deep=deep))
        self._lazy = before
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
        clone.generators[0].iter = ast.Tuple([], ast.Load())
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
        single = [ast.unparse(target) for target in placed.node.targets] == [node.id]
        same = self.scope.unchanged(loads(placed.node.value), placed.index, self._at)
        return placed.node.value if single and same else None

    def _ship(self, node: ast.expr) -> ast.expr:
        if self._reads_target(node):
            raise DatasetError(
                f"`{ast.unparse(node)}` mixes the target with values of the candidate in a way "
                "that cannot be split; compare the candidate's value with the target directly"
            )
        if self._lazy and isinstance(node, ast.Subscript) and self.scope.pure(node.slice, self._at):
            # The case itself may not get as far as to take this item.
            return ast.Subscript(self._ship(node.value), self._take(node.slice), node.ctx)
        # What stood at another assert may have changed, and two calls need not have one value.
        place = (self._at, ast.unparse(node))
        if self.scope.calls_out(node) or place not in self._known:
            self._known[place] = f"{SLOT}{self._case + 1}_{len(self.slots)}"
            self.slots[self._known[place]] = node
        return ast.Name(self._known[place], ast.Load())

    def _take(self, node: ast.expr) -> ast.expr:
        """Leave an expression to the judge, with the definitions that it needs."""
        self._move(loads(node), self._at)
        return node

    def _move(self, names: Iterable[str], before: int) -> None:
        for name in names:
            placed = self.scope.definition(name, before)
            if placed is None or placed.index in self.moved or not self.scope.movable(name, before):
                continue
            if placed.case != self._case and placed.reads & {TARGET}:
                raise DatasetError(
                    f"`{name}` was made from the target of an earlier case; compare each case "
                    "with its own target"
                )
            self.moved[placed.index] = placed
            # A function finds its helpers when it is called.
            called = isinstance(placed.node, ast.FunctionDef)
            self._move(placed.reads, before if called else placed.index)


def _below(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.Call):
        inner = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        return [*inner, *call_arguments(node)]
    if isinstance(node, Comprehension):
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        return [*parts, *(g.iter for g in node.generators)]
    return children(node)
