"""Reads off a judge's condition what the target has to be, for deriving targets from gold code.

Each comparison pairs a side made from `target` with a side made from shipped values:
`np.allclose(x, target)` says target = x, `b == y` after `a, b = target` says target[1] = y.
"""

import ast
from collections.abc import Iterator, Sequence

from tasks.core.splitting.names import SLOT, TARGET, binds, loads
from tasks.core.splitting.purity import call_arguments, children

Path = int | None
"""Place in the target; None is the whole of it."""


def derive_target(condition: ast.expr, moved: Sequence[ast.stmt]) -> str | None:
    """Return an expression over the slots for the target, None where none can be read off."""
    paths = _unpacked(moved)
    found: dict[Path, ast.expr] = {}
    for target_side, value in _pairs(condition, {TARGET, *paths}):
        for path, part in _resolve(target_side, value, paths):
            found.setdefault(path, part)
    if None in found:
        return ast.unparse(found[None])
    places = [path for path in (*found, *paths.values()) if path is not None]
    size = max(places, default=-1) + 1
    if not found or set(found) != set(range(size)):
        return None
    return ast.unparse(ast.Tuple([found[i] for i in range(size)], ast.Load()))


def without_target(source: str) -> str:
    """Return those statements of a judge's source that run before there is a target."""
    tainted = {TARGET}
    kept: list[str] = []
    for statement in ast.parse(source).body:
        if loads(statement) & tainted:
            tainted |= binds(statement)
        else:
            kept.append(ast.unparse(statement))
    return "\n".join(kept)


def _unpacked(moved: Sequence[ast.stmt]) -> dict[str, Path]:
    """Names of `a, b = target` with their places, and of `a = target`."""
    paths: dict[str, Path] = {}
    for statement in moved:
        match statement:
            case ast.Assign(targets=[ast.Name(id=alias)], value=ast.Name(id="target")):
                paths[alias] = None
            case ast.Assign(
                targets=[ast.Tuple(elts=names) | ast.List(elts=names)], value=ast.Name(id="target")
            ) if all(isinstance(name, ast.Name) for name in names):
                paths |= {ast.unparse(name): i for i, name in enumerate(names)}
            case _:
                pass
    return paths


def _pairs(node: ast.expr, tainted: set[str]) -> Iterator[tuple[ast.expr, ast.expr]]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq):
        yield from _paired(node.left, node.comparators[0], tainted)
    elif isinstance(node, ast.Call) and len(call_arguments(node)) >= 2:
        first, second, *_ = call_arguments(node)
        yield from _paired(first, second, tainted)
    inner = call_arguments(node) if isinstance(node, ast.Call) else children(node)
    for child in inner:
        yield from _pairs(child, tainted)


def _paired(
    left: ast.expr, right: ast.expr, tainted: set[str]
) -> Iterator[tuple[ast.expr, ast.expr]]:
    if loads(right) & tainted:
        left, right = right, left
    if loads(left) & tainted and _is_shipped(right) and not loads(right) & tainted:
        yield left, right


def _is_shipped(node: ast.expr) -> bool:
    return any(name.startswith(SLOT) for name in loads(node))


def _resolve(
    target_side: ast.expr, value: ast.expr, paths: dict[str, Path]
) -> Iterator[tuple[Path, ast.expr]]:
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
