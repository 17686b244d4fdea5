"""Which expressions the judge may evaluate itself: literals, numpy glue and helpers of the case.

An expression is pure when it calls nothing but numpy functions without side effects, plain
builtins, comparators and functions that the case itself defines from such parts.
"""

import ast
from collections.abc import Callable, Set

from tasks.core.splitting.names import COMPARATORS, dotted, parameters

_IMPURE_NUMPY = frozenset(
    "random load save savez savez_compressed loadtxt savetxt genfromtxt fromfile memmap "
    "set_printoptions seterr seterrcall fill_diagonal put place putmask copyto ctypeslib testing "
    "lib core frompyfunc vectorize apply_along_axis apply_over_axes piecewise fromfunction "
    "fromiter show_config f2py rec at".split()
)
_PURE_METHODS = frozenset(
    "all any sum mean std var max min argmax argmin prod cumsum reshape copy transpose conj "
    "conjugate astype dot round flatten ravel squeeze tolist item trace diagonal toarray todense "
    "items keys values get lower upper strip split join index count".split()
)
_VERDICT_NUMPY = frozenset(
    "allclose isclose array_equal array_equiv equal not_equal less less_equal greater "
    "greater_equal isnan isfinite isinf isreal iscomplex logical_and logical_or logical_not "
    "all any".split()
)
_VERDICT_BUILTINS = frozenset({"all", "any", "bool"})
_SCALAR_NUMPY = frozenset(
    "pi e inf nan sqrt exp log log10 log2 sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh "
    "deg2rad rad2deg abs floor ceil float64 float32 int64 int32 complex128 power".split()
)
_CONTAINERS = (
    ast.Tuple, ast.List, ast.Set, ast.Dict, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare,
    ast.IfExp, ast.Subscript, ast.Slice, ast.Starred, ast.JoinedStr, ast.FormattedValue,
)  # fmt: skip
Comprehension = ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp


def is_numpy(node: ast.expr) -> bool:
    """Whether the expression is a numpy function or constant without side effects."""
    parts = dotted(node)
    return len(parts) > 1 and parts[0] == "np" and not _IMPURE_NUMPY & set(parts)


def is_pure_method(node: ast.Attribute) -> bool:
    """Whether a method of this name, of an array or plain value, changes nothing."""
    return node.attr in _PURE_METHODS


def is_pure_function(node: ast.expr, functions: Set[str]) -> bool:
    """Whether a call of this function may be evaluated by the judge, given pure arguments."""
    return node.id in functions if isinstance(node, ast.Name) else is_numpy(node)


def is_pure(
    node: ast.expr,
    movable: Callable[[str], bool],
    functions: Set[str],
    bound: frozenset[str] = frozenset(),
) -> bool:
    """Whether the judge can evaluate the whole expression without any value from the child.

    `movable` tells whether a name of the case has a definition that the judge can evaluate too;
    `functions` are the names of functions that the judge has; `bound` are the variables of the
    comprehensions and lambdas around the node.
    """

    def pure(child: ast.expr) -> bool:
        return is_pure(child, movable, functions, bound)

    match node:
        case ast.Constant():
            return True
        case ast.Name(id=name):
            return name in bound or name in functions or movable(name)
        case ast.Attribute():
            return is_numpy(node) or pure(node.value)
        case ast.Call():
            return _pure_callee(node, pure, functions) and all(map(pure, call_arguments(node)))
        case ast.ListComp() | ast.GeneratorExp() | ast.SetComp() | ast.DictComp():
            return _pure_comprehension(node, movable, functions, bound)
        case ast.Lambda():
            within = bound | parameters(node)
            return all(map(pure, _defaults(node))) and is_pure(
                node.body, movable, functions, within
            )
        case _:
            return isinstance(node, _CONTAINERS) and all(map(pure, children(node)))


def _pure_callee(call: ast.Call, pure: Callable[[ast.expr], bool], functions: Set[str]) -> bool:
    if any(keyword.arg == "out" for keyword in call.keywords):
        return False
    func = call.func
    if is_pure_function(func, functions):
        return True
    return isinstance(func, ast.Attribute) and is_pure_method(func) and pure(func.value)


def _defaults(function: ast.Lambda) -> list[ast.expr]:
    return [*function.args.defaults, *filter(None, function.args.kw_defaults)]


def _pure_comprehension(
    node: Comprehension,
    movable: Callable[[str], bool],
    functions: Set[str],
    bound: frozenset[str],
) -> bool:
    for generator in node.generators:
        if not is_pure(generator.iter, movable, functions, bound):
            return False
        bound |= {n.id for n in ast.walk(generator.target) if isinstance(n, ast.Name)}
        if not all(is_pure(test, movable, functions, bound) for test in generator.ifs):
            return False
    parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    return all(is_pure(part, movable, functions, bound) for part in parts)


def changes_in_place(function: ast.FunctionDef) -> bool:
    """Whether the function may change something that it was handed."""
    for node in ast.walk(function):
        if isinstance(node, ast.AugAssign | ast.Delete):
            return True
        if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            method = not is_numpy(node.func) and not is_pure_method(node.func)
            if method or any(keyword.arg == "out" for keyword in node.keywords):
                return True
    return False


def children(node: ast.AST) -> list[ast.expr]:
    """The expressions directly below a node, in order; None entries of a dict left out."""
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]


def call_arguments(call: ast.Call) -> list[ast.expr]:
    """Positional and keyword argument expressions of a call."""
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def is_verdict(node: ast.expr, verdict_helpers: Set[str]) -> bool:
    """Whether the expression's value is a judgement, so that its operands must be shipped."""
    match node:
        case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in COMPARATORS or name in verdict_helpers or name in _VERDICT_BUILTINS
        case ast.Call(func=ast.Attribute(attr=attr) as func):
            return attr in ("all", "any") or (is_numpy(func) and attr in _VERDICT_NUMPY)
        case _:
            return False


def is_immutable(node: ast.expr, constant: Callable[[str], bool]) -> bool:
    """Whether the value is a scalar, string or tuple of such, that no callee can change."""

    def fixed(child: ast.expr) -> bool:
        return is_immutable(child, constant)

    match node:
        case ast.Constant():
            return True
        case ast.Name(id=name):
            return constant(name)
        case ast.UnaryOp() | ast.BinOp() | ast.Tuple():
            return all(map(fixed, children(node)))
        case ast.Attribute():
            return is_numpy(node) and node.attr in _SCALAR_NUMPY
        case ast.Call(func=ast.Name(id="float" | "int" | "complex" | "abs" | "round" | "str")):
            return all(map(fixed, call_arguments(node)))
        case ast.Call(func=ast.Attribute(attr=attr) as func):
            scalar = is_numpy(func) and attr in _SCALAR_NUMPY
            return scalar and all(map(fixed, call_arguments(node)))
        case _:
            return False
