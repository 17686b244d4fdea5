"""Reads off a judge's condition what the target has to be, for deriving targets from gold code.

Each comparison pairs a side made from `target` with a side made from shipped values:
`np.allclose(x, target)` says target = x, `b == y` after `a, b = target` says target[1] = y.
"""

import ast
from collections.abc import Iterator, Sequence

from tasks.core.splitting.names import TARGET, loads
from tasks.core.splitting.purity import call_arguments, children


def derive_target(condition: ast.expr, moved: Sequence[ast.stmt]) -> str | None:
    """Return an expression over the slots for the target, None where none can be read off."""
    paths = _unpacked(moved)
    found: dict[int | None, ast.expr] = {}
    for target_side, value in _pairs(condition, {TARGET, *paths}):
        for path, part in _resolve(target_side, value, paths):
            found.setdefault(path, part)
    if None in found:
        return ast.unparse(found[None])
    size = max([*(path for path in found if path is not None), *paths.values()], default=-1) + 1
    if not found or set(found) != set(range(size)):
        return None
    return ast.unparse(ast.Tuple([found[i] for i in range(size)], ast.Load()))


def _unpacked(moved: Sequence[ast.stmt]) -> dict[str, int]:
    """Names of `a, b = target` with their places."""
    for statement in moved:
        match statement:
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Name(id="target")):
                return {n.id: i for i, n in enumerate(names) if isinstance(n, ast.Name)}
            case _:
                pass
    return {}


def _pairs(node: ast.expr, tainted: set[str]) -> Iterator[tuple[ast.expr, ast.expr]]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq):
        yield from _paired(node.left, node.comparators[0], tainted)
    elif isinstance(node, ast.Call) and len(node.args) >= 2:
        yield from _paired(node.args[0], node.args[1], tainted)
    inner = call_arguments(node) if isinstance(node, ast.Call) else children(node)
    for child in inner:
        yield from _pairs(child, tainted)


def _paired(
    left: ast.expr, right: ast.expr, tainted: set[str]
) -> Iterator[tuple[ast.expr, ast.expr]]:
    on_left, on_right = bool(loads(left) & tainted), bool(loads(right) & tainted)
    if on_left != on_right:
        yield (left, right) if on_left else (right, left)


def _resolve(
    target_side: ast.expr, value: ast.expr, paths: dict[str, int]
) -> Iterator[tuple[int | None, ast.expr]]:
    match target_side, value:
        case ast.Name(id="target"), _:
            yield None, value
        case ast.Name(id=name), _ if name in paths:
            yield paths[name], value
        case ast.Subscript(value=ast.Name(id="target"), slice=ast.Constant(value=int(i))), _:
            yield i, value
        case ast.Tuple(elts=names) | ast.List(elts=names), ast.Tuple(elts=values) | ast.List(
            elts=values
        ):
            for name, part in zip(names, values, strict=False):
                yield from _resolve(name, part, paths)
        case ast.Tuple(elts=names), _:
            for index, name in enumerate(names):
                part = ast.Subscript(value, ast.Constant(index), ast.Load())
                yield from _resolve(name, part, paths)
        case (
            ast.Call(func=ast.Attribute(value=ast.Name() as inner, attr=attr), args=[]),
            ast.Call(func=ast.Attribute(value=counterpart, attr=same), args=[]),
        ) if attr == same:
            yield from _resolve(inner, counterpart, paths)
        case _:
            return
