"""Which names a piece of a case reads and binds, without running it."""

import ast
import builtins
from collections.abc import Iterable, Iterator

TARGET = "target"
SLOT = "_shipped_"

PURE_BUILTINS = frozenset(
    "abs all any bool complex dict divmod enumerate float frozenset int isinstance len list map "
    "max min pow range reversed round set slice sorted str sum tuple zip".split()
)
COMPARATORS = frozenset({"cmp_tuple_or_list", "are_dicts_close", "are_csc_matrix_close"})
BUILTINS = frozenset(dir(builtins))

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def loads(node: ast.AST) -> set[str]:
    """Names that the node reads (or deletes), apart from those of scopes inside it."""
    return set(_read(node, frozenset()))


def _read(node: ast.AST, bound: frozenset[str]) -> Iterator[str]:
    match node:
        case ast.Name(id=name):
            if name not in bound and not isinstance(node.ctx, ast.Store):
                yield name
            return
        case ast.AugAssign(target=ast.Name(id=name)):
            yield from {name} - bound
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            yield from _read(node.args, bound)
            yield from _read_all(getattr(node, "decorator_list", []), bound)
            body = [node.body] if isinstance(node, ast.Lambda) else node.body
            yield from _read_all(body, bound | function_locals(node))
            return
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            yield from _read(node.generators[0].iter, bound)
            bound |= {n for g in node.generators for n in _bound(g.target)}
        case _:
            pass
    yield from _read_all(ast.iter_child_nodes(node), bound)


def _read_all(nodes: Iterable[ast.AST], bound: frozenset[str]) -> Iterator[str]:
    for node in nodes:
        yield from _read(node, bound)


def binds(statement: ast.stmt) -> set[str]:
    """Names that a top-level statement binds (or changes in place) in the case's namespace."""
    return set(_bound(statement))


def _bound(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
            return
        case ast.Lambda():
            return
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            # Of what a comprehension binds, only `:=` reaches the namespace around it.
            walruses = (n for n in ast.walk(node) if isinstance(n, ast.NamedExpr))
            yield from (n.target.id for n in walruses)
            return
        case ast.Name() if not isinstance(node.ctx, ast.Load):
            yield node.id
        case ast.Subscript() | ast.Attribute() if not isinstance(node.ctx, ast.Load):
            yield from root(node)
        case ast.Import() | ast.ImportFrom():
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
        case (
            ast.ExceptHandler(name=str(name))
            | ast.MatchAs(name=str(name))
            | ast.MatchStar(name=str(name))
            | ast.MatchMapping(rest=str(name))
        ):
            yield name
        case _:
            pass
    for child in ast.iter_child_nodes(node):
        yield from _bound(child)


def root(node: ast.expr) -> set[str]:
    """The name that an attribute or item belongs to, if it is one."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def parameters(function: Function) -> set[str]:
    """Names of all parameters of a function."""
    args = function.args
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    return {arg.arg for arg in every if arg is not None}


def function_locals(function: Function) -> set[str]:
    """Parameters and every name that the body binds, nested scopes included."""
    bound = parameters(function)
    outer: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.Lambda) and node is not function:
            bound |= parameters(node)
            if isinstance(node, ast.FunctionDef):
                bound.add(node.name)
        elif isinstance(node, ast.Global):
            outer |= set(node.names)
    return bound - outer


def rebound_by_functions(statement: ast.stmt) -> set[str]:
    """Names that functions in the statement declare `global`, so that any call may change them."""
    declared = (n for n in ast.walk(statement) if isinstance(n, ast.Global))
    return {name for node in declared for name in node.names}


def free_names(function: ast.FunctionDef) -> set[str]:
    """Names that a function reads from outside, harmless builtins left out."""
    harmless = {name for name in BUILTINS if name in PURE_BUILTINS or _is_exception(name)}
    return loads(function) - {function.name} - harmless


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
