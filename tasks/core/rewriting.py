"""outcome -> verdict: rewrites the condition of a case: comparisons are guarded and noted.

Pure; the names that a rewritten condition calls are those of the judge's namespace.
"""

import ast
from types import CodeType

from tasks.core.splitting.names import TARGET, binds, loads
from tasks.core.splitting.split import JudgeCase


def noted_condition(case: JudgeCase) -> CodeType:
    """Compile the condition of a case so that its comparisons are guarded and noted."""
    tree = ast.parse(case.condition, mode="eval")
    return guarded(_NotedComparisons(_made_with_target(case, tree)).visit(tree))


def _made_with_target(case: JudgeCase, condition: ast.AST) -> set[str]:
    """Names that may hold something of the target; all that a condition binds itself are."""
    names = {TARGET}
    for statement in ast.parse(case.source).body:
        if loads(statement) & names:
            names |= binds(statement)
    for node in ast.walk(condition):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
    return names


def guarded(expression: ast.AST) -> CodeType:
    """Compile an expression of the benchmark so that `all` over nothing does not hold."""
    tree = _GuardedAll().visit(expression)
    return compile(ast.fix_missing_locations(tree), "<judge>", "eval")


class _NotedComparisons(ast.NodeTransformer):
    """Lets the comparisons of a condition be noted, with which sides are made with the target."""

    def __init__(self, names: set[str]) -> None:
        self._names = names

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        match node.func:
            case ast.Attribute(attr="allclose" | "isclose" as name, value=ast.Name(id="np")):
                pass
            case ast.Name(
                id="cmp_tuple_or_list" | "are_dicts_close" | "are_csc_matrix_close" as name
            ):
                pass
            case _:
                return node
        match node.args:
            case [ast.expr() as left, ast.expr() as right, *rest] if not any(
                isinstance(argument, ast.Starred) for argument in node.args
            ):
                given = [*rest, *(keyword.value for keyword in node.keywords)]
                node.func = self._noted(name, [[left], [right], given], node.func)
            case _:
                pass
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
                equal = ast.Name("_equal", ast.Load())
                return ast.Call(self._noted("==", [[left], [right], []], equal), [left, right], [])
            case _:
                return node

    def _noted(self, name: str, parts: list[list[ast.expr]], function: ast.expr) -> ast.Call:
        flags = [ast.Constant(any(map(self._is_made, part))) for part in parts]
        noted = ast.Name("_compared", ast.Load())
        return ast.Call(noted, [ast.Constant(name), ast.Tuple([*flags], ast.Load()), function], [])

    def _is_made(self, expression: ast.expr) -> bool:
        used = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
        return bool(used & self._names)


class _GuardedAll(ast.NodeTransformer):
    """Puts `every` and `every_element` in place of `all(…)`, `np.all(…)` and `x.all(…)`.

    Not in the helpers of a case: what they do with empty parts is theirs to say.
    """

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        match node.func:
            case ast.Name(id="all"):
                node.func = ast.Name("_every", ast.Load())
            case ast.Attribute(attr="all", value=owner):
                owned = [] if isinstance(owner, ast.Name) and owner.id == "np" else [owner]
                node.func = ast.Name("_every_element", ast.Load())
                node.args = [*owned, *node.args]
            case _:
                pass
        return node
