"""Which names a piece of a case reads and binds, without running it."""

import ast
import builtins

TARGET = "target"

PURE_BUILTINS = frozenset(
    "abs all any bool complex dict divmod enumerate float frozenset int isinstance len list map "
    "max min pow range reversed round set slice sorted str sum tuple zip".split()
)
COMPARATORS = frozenset({"cmp_tuple_or_list", "are_dicts_close", "are_csc_matrix_close"})
BUILTINS = frozenset(dir(builtins))

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def loads(node: ast.AST) -> set[str]:
    """Every name read anywhere below the node, nested functions included."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def binds(statement: ast.stmt) -> set[str]:
    """Names that a top-level statement binds (or changes in place) in the case's namespace."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    found: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            found |= _root(node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
    return found


def _root(node: ast.expr) -> set[str]:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def parameters(function: Function) -> set[str]:
    """Names of all parameters of a function."""
    args = function.args
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    return {arg.arg for arg in every if arg is not None}


def function_locals(function: ast.FunctionDef) -> set[str]:
    """Parameters and every name that the body binds, nested scopes included."""
    bound = parameters(function)
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.Lambda) and node is not function:
            bound |= parameters(node)
            if isinstance(node, ast.FunctionDef):
                bound.add(node.name)
    return bound


def free_names(function: ast.FunctionDef) -> set[str]:
    """Names that a function reads from outside, harmless builtins left out."""
    harmless = {name for name in BUILTINS if name in PURE_BUILTINS or _is_exception(name)}
    return loads(function) - function_locals(function) - harmless


def _is_exception(name: str) -> bool:
    value = getattr(builtins, name, None)
    return isinstance(value, type) and issubclass(value, BaseException)


def dotted(node: ast.expr) -> tuple[str, ...]:
    """`np.linalg.norm` as ("np", "linalg", "norm"); () when it is not a plain dotted name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else ()
