"""Gives a name to what candidate code returns inside of a judgement that a statement stores.

`ok = f(x) > 0` becomes `_value_1_0 = f(x)` and `ok = _value_1_0 > 0`, so that an assert on `ok` can
ship the operands and leave the judgement to the judge.
"""

import ast
from collections.abc import Set
from typing import cast

from tasks.core.splitting.names import COMPARATORS, PURE_BUILTINS
from tasks.core.splitting.purity import is_pure_function, is_pure_method, is_verdict


def name_operands(body: list[ast.stmt], case: int) -> list[ast.stmt]:
    """Return the statements of a case with the operands of stored judgements named."""
    functions = {s.name for s in body if isinstance(s, ast.FunctionDef)}
    operands = _Operands(PURE_BUILTINS | COMPARATORS | functions, f"_value_{case}_")
    result: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, ast.Assign) and _judges(statement.value):
            statement.value = cast("ast.expr", operands.visit(statement.value))
            result += operands.taken()
        result.append(statement)
    return result


def _judges(value: ast.expr) -> bool:
    nodes = (node for node in ast.walk(value) if isinstance(node, ast.expr))
    return any(is_verdict(node, frozenset()) for node in nodes)


class _Operands(ast.NodeTransformer):
    """Replaces calls of candidate code by names, except where they may never be reached."""

    def __init__(self, functions: Set[str], prefix: str) -> None:
        self._functions = functions
        self._prefix = prefix
        self._count = 0
        self._statements: list[ast.stmt] = []

    def taken(self) -> list[ast.stmt]:
        """Hand over the statements that bind the names."""
        statements, self._statements = self._statements, []
        return statements

    def visit(self, node: ast.AST) -> ast.AST:
        """Go into whatever is evaluated once, and always."""
        sometimes = (
            ast.IfExp | ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
        )
        if isinstance(node, sometimes | ast.BoolOp):
            return node
        return super().visit(node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        method = isinstance(node.func, ast.Attribute) and is_pure_method(node.func)
        if method or is_pure_function(node.func, self._functions):
            self.generic_visit(node)
            return node
        name = f"{self._prefix}{self._count}"
        self._count += 1
        self._statements.append(ast.Assign([ast.Name(name, ast.Store())], node, lineno=0))
        return ast.Name(name, ast.Load())
