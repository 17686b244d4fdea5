"""Which names of the cases hold values that code outside the judge's reach may change in place.

The value of such a name is only right where that code ran, in the child.
"""

import ast
from collections.abc import Iterator, Sequence, Set

from tasks.core.splitting.case_functions import Helpers
from tasks.core.splitting.names import binds, loads, root
from tasks.core.splitting.purity import changes_in_place, is_pure_function, is_pure_method


def exposed_names(
    statements: Sequence[ast.stmt], functions: Set[str], helpers: Helpers
) -> frozenset[str]:
    """Return the names whose value candidate code, or a statement in place, may have changed."""
    changing = {name for name, fs in helpers.items() if any(map(changes_in_place, fs))}
    steady = functions - changing
    exposed = {name for statement in statements for name in _exposed_by(statement, steady, helpers)}
    while True:
        # What an exposed value was made from may be the same object, or inside it.
        more = {
            name
            for statement in statements
            if isinstance(statement, ast.Assign | ast.AnnAssign) and binds(statement) & exposed
            for name in loads(statement)
        }
        if more <= exposed:
            return frozenset(exposed)
        exposed |= more


def outside_calls(node: ast.AST, functions: Set[str]) -> Iterator[ast.Call]:
    """Calls that are not the judge's to make, wherever they stand below the node."""
    for call in (n for n in ast.walk(node) if isinstance(n, ast.Call)):
        writes = any(keyword.arg == "out" for keyword in call.keywords)
        method = isinstance(call.func, ast.Attribute) and is_pure_method(call.func)
        if writes or not (is_pure_function(call.func, functions) or method):
            yield call


def _exposed_by(statement: ast.stmt, functions: Set[str], helpers: Helpers) -> set[str]:
    if isinstance(statement, ast.FunctionDef):
        return set() if statement.name in helpers else loads(statement)
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Assert):
        called = {name for call in outside_calls(statement, functions) for name in loads(call)}
        return called | _changed_parts(statement)
    return loads(statement) | binds(statement)


def _changed_parts(statement: ast.stmt) -> set[str]:
    """Owners of the items and attributes that the statement sets."""
    parts = (n for n in ast.walk(statement) if isinstance(n, ast.Subscript | ast.Attribute))
    return {name for part in parts if isinstance(part.ctx, ast.Store) for name in root(part)}
