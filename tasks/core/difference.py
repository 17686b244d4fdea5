"""outcome -> verdict: say where a comparison first failed, for the detail of a judgement.

A side of a comparison that was made with the target is shown only where targets are revealed, and
then neither are differences nor sizes of errors: the target could be computed from them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any, cast

import numpy as np
from scipy import sparse

from tasks.core.comparison import ATOL, RTOL

_MAX_ELEMENTS = 2**22
_MAX_ITEMS = 1000
_MAX_TEXT = 80
_MAX_NOTES = 3
_MAX_BITS = 512


@dataclass(frozen=True, slots=True)
class Sides:
    """Which parts of a comparison in a condition were made with the target."""

    left: bool
    right: bool
    tolerance: bool


@dataclass(frozen=True, slots=True)
class _Failure:
    name: str
    sides: Sides
    values: tuple[object, object]
    tolerance: dict[str, object]


class Comparisons:
    """Notes the first failed comparison of one case, and those made by broadcasting."""

    def __init__(self) -> None:
        self._failure: _Failure | None = None
        self._broadcast: list[str] = []

    def compare(
        self, name: str, flags: tuple[bool, bool, bool], function: Callable[..., object]
    ) -> Callable[..., object]:
        """Return the function, noting what it compares; its result and errors stay its own."""

        def noted(a: object, b: object, *args: object, **kwargs: object) -> object:
            self._note_shapes(name, a, b)
            held = function(a, b, *args, **kwargs)
            if self._failure is None and not _holds(held):
                tolerance = _tolerance(name, args, kwargs)
                self._failure = _Failure(name, Sides(*flags), (a, b), tolerance)
            return held

        return noted

    def broadcast(self) -> str:
        """Say which arrays were compared by broadcasting; empty if none were."""
        return "; ".join(f"compared by broadcasting, {shapes}" for shapes in self._broadcast)

    def first_difference(self, *, reveal: bool) -> str:
        """Describe the first failed comparison; empty if there is nothing to say."""
        if self._failure is None:
            return ""
        try:
            with np.errstate(all="ignore"):
                return _describe(self._failure, reveal=reveal)
        except Exception:
            # Hostile values may defy description; the verdict stands without it.
            return ""

    def _note_shapes(self, name: str, a: object, b: object) -> None:
        try:
            for left, right in _pairs(name, a, b):
                one, other = np.shape(cast("Any", left)), np.shape(cast("Any", right))
                if not one or not other or one == other or len(self._broadcast) >= _MAX_NOTES:
                    continue
                np.broadcast_shapes(one, other)
                text = f"shapes {one} and {other}"
                if text not in self._broadcast:
                    self._broadcast.append(text)
        except Exception:
            # Not arrays, or shapes that do not fit: the comparison itself tells.
            return


def _pairs(name: str, a: object, b: object) -> list[tuple[object, object]]:
    if name in ("allclose", "isclose"):
        return [(a, b)]
    if name == "cmp_tuple_or_list":
        items = zip(cast("Sequence[object]", a), cast("Sequence[object]", b), strict=True)
        return [pair for pair, _ in zip(items, range(_MAX_ITEMS), strict=False)]
    if name == "are_dicts_close":
        other = cast("Mapping[object, object]", b)
        items = cast("Mapping[object, object]", a).items()
        return [(v, other[k]) for (k, v), _ in zip(items, range(_MAX_ITEMS), strict=False)]
    arrays = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
    return [(a, b)] if arrays else []


def _holds(held: object) -> bool:
    try:
        return bool(np.all(cast("Any", held)))
    except Exception:
        return True


def _tolerance(name: str, args: tuple[object, ...], kwargs: dict[str, object]) -> dict[str, object]:
    if name == "==":
        return {}
    order = ("atol", "rtol") if name == "are_dicts_close" else ("rtol", "atol", "equal_nan")
    given = dict(zip(order, args, strict=False)) | kwargs
    return {"rtol": RTOL, "atol": ATOL, "equal_nan": False} | given


def _describe(failure: _Failure, *, reveal: bool) -> str:
    left, right = failure.values
    place, left, right = _first(failure, left, right)
    sides = failure.sides
    parts = [f"first difference at {place}"] if place else []
    values = ((left, sides.left), (right, sides.right))
    parts += [f"found {_shown(value)}" for value, of_target in values if not of_target]
    if reveal:
        parts += [f"target {_shown(value)}" for value, of_target in values if of_target]
    if failure.tolerance and (reveal or not sides.tolerance):
        parts += [f"{k} {_shown(failure.tolerance[k])}" for k in ("rtol", "atol")]
    return ", ".join(parts)


def _first(failure: _Failure, a: object, b: object) -> tuple[str, object, object]:
    """Descend to the first items that differ; return their place and themselves."""
    if failure.name == "are_dicts_close":
        return _first_of(failure, _keyed(a, b), a, b)
    if failure.name == "cmp_tuple_or_list":
        return _first_of(failure, _numbered(a, b), a, b)
    if failure.name == "==" and _is_sequence(a) and _is_sequence(b):
        return _first_of(failure, _numbered(a, b), a, b)
    return _first_element(failure, a, b)


def _is_sequence(value: object) -> bool:
    return isinstance(value, list | tuple)


def _first_of(
    failure: _Failure, items: list[tuple[str, object, object]], a: object, b: object
) -> tuple[str, object, object]:
    for label, left, right in items:
        place, one, other = _first_element(failure, left, right)
        if place or not _same(failure, left, right):
            return (f"{label}, {place}" if place else label), one, other
    return "", a, b


def _keyed(a: object, b: object) -> list[tuple[str, object, object]]:
    first, second = cast("dict[object, object]", a), cast("dict[object, object]", b)
    if set(first) != set(second):
        return []
    return [(f"key {_shown(key)}", first[key], second[key]) for key in list(first)[:_MAX_ITEMS]]


def _numbered(a: object, b: object) -> list[tuple[str, object, object]]:
    first, second = cast("Sequence[object]", a), cast("Sequence[object]", b)
    if len(first) != len(second):
        return []
    pairs = zip(first[:_MAX_ITEMS], second[:_MAX_ITEMS], strict=True)
    return [(f"item {i}", left, right) for i, (left, right) in enumerate(pairs)]


def _same(failure: _Failure, a: object, b: object) -> bool:
    try:
        return bool(np.all(_agreement(failure, _array(a), _array(b))))
    except Exception:
        return bool(np.all(cast("Any", a == b)))


def _first_element(failure: _Failure, a: object, b: object) -> tuple[str, object, object]:
    try:
        left, right = np.broadcast_arrays(_array(a), _array(b))
        differs = ~np.asarray(_agreement(failure, left, right), bool)
    except Exception:
        return "", a, b
    if differs.ndim == 0 or not differs.any():
        return "", a, b
    index = tuple(int(i) for i in np.unravel_index(int(differs.argmax()), differs.shape))
    return f"element {list(index)}", left[index], right[index]


def _array(value: object) -> Any:
    if sparse.issparse(value):
        matrix = cast("Any", value)
        if int(np.prod(matrix.shape, dtype=np.float64)) > _MAX_ELEMENTS:
            raise ValueError("too large to describe")
        return matrix.toarray()
    array = np.asarray(cast("Any", value))
    if array.size > _MAX_ELEMENTS:
        raise ValueError("too large to describe")
    return array


def _agreement(failure: _Failure, a: Any, b: Any) -> Any:
    given = cast("dict[str, Any]", failure.tolerance)
    if not given or a.dtype.kind not in "biufc" or b.dtype.kind not in "biufc":
        return a == b
    equal_nan = bool(given["equal_nan"])
    return np.isclose(a, b, given["rtol"], given["atol"], equal_nan=equal_nan)


def _shown(value: object) -> str:
    """Show a single number or a short text, and of anything else its kind only."""
    if isinstance(value, np.generic):
        return _shown(cast("Any", value).item())
    if isinstance(value, str | bytes):
        return repr(value[:_MAX_TEXT]) + ("…" if len(value) > _MAX_TEXT else "")
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        return f"an integer of {value.bit_length()} bits"
    if value is None or isinstance(value, Number):
        return repr(value)
    if isinstance(value, np.ndarray) or sparse.issparse(value):
        array = cast("Any", value)
        return str(array.item()) if array.shape == () else f"an array of shape {array.shape}"
    return f"a {type(value).__name__}"
