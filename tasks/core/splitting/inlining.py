"""Flattens argument-less test functions into the case, so that their asserts can be split.

`def test(): ...; assert ...` followed by `test()` becomes the body; `assert test() == target` with
a straight-line body becomes the body and its return expression. Locals are renamed, because a
candidate's own globals may carry the same names.
"""

import ast

from tasks.core.splitting.names import function_locals


def inline_test_functions(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return the statements with every argument-less, straight-line test function flattened."""
    functions = {s.name: s for s in body if isinstance(s, ast.FunctionDef) and _flattens(s)}
    for name, function in functions.items():
        if _calls(body, name) == 1:
            body = _inline(body, function)
    return body


def _flattens(function: ast.FunctionDef) -> bool:
    if ast.unparse(function.args) or function.decorator_list:
        return False
    *front, last = function.body
    straight = not any(_leaves(statement) for statement in front)
    return straight and (isinstance(last, ast.Return) or not _leaves(last))


def _leaves(statement: ast.stmt) -> bool:
    """Whether the statement returns, yields, or binds names in a scope of its own."""
    odd = (ast.Return, ast.Yield, ast.YieldFrom, ast.Global, ast.Nonlocal, ast.FunctionDef,
           ast.Lambda, ast.ClassDef)  # fmt: skip
    return any(isinstance(node, odd) for node in ast.walk(statement))


def _calls(body: list[ast.stmt], name: str) -> int:
    names = (n for s in body for n in ast.walk(s) if isinstance(n, ast.Name))
    return sum(node.id == name for node in names)


def _inline(body: list[ast.stmt], function: ast.FunctionDef) -> list[ast.stmt]:
    rename = _Rename(function)
    flat = [rename.statement(statement) for statement in function.body]
    result: list[ast.stmt] = []
    for statement in body:
        if statement is function:
            continue
        if _is_bare_call(statement, function.name):
            result += [s for s in flat if not isinstance(s, ast.Return)]
        elif isinstance(statement, ast.Assert) and isinstance(flat[-1], ast.Return):
            result += [*flat[:-1], _Replace(function.name, flat[-1]).statement(statement)]
        elif _calls([statement], function.name):
            return body
        else:
            result.append(statement)
    return result


def _is_bare_call(statement: ast.stmt, name: str) -> bool:
    return isinstance(statement, ast.Expr) and _is_call(statement.value, name)


def _is_call(node: ast.expr, name: str) -> bool:
    if not isinstance(node, ast.Call) or node.args or node.keywords:
        return False
    return isinstance(node.func, ast.Name) and node.func.id == name


class _Rename(ast.NodeTransformer):
    def __init__(self, function: ast.FunctionDef) -> None:
        self._names = {name: f"_{function.name}_{name}" for name in function_locals(function)}

    def statement(self, node: ast.stmt) -> ast.stmt:
        # Through source text, so that the original tree stays as it is.
        return self.visit(ast.parse(ast.unparse(node)).body[0])

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self._names.get(node.id, node.id), node.ctx)


class _Replace(ast.NodeTransformer):
    """Puts the returned expression in place of the call."""

    def __init__(self, name: str, returned: ast.stmt) -> None:
        self._name = name
        value = returned.value if isinstance(returned, ast.Return) else None
        self._value = value or ast.Constant(None)

    def statement(self, node: ast.Assert) -> ast.stmt:
        return ast.Assert(self.visit(node.test), node.msg)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if _is_call(node, self._name):
            return self._value
        self.generic_visit(node)
        return node
