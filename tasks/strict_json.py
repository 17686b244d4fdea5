"""Reads the values of JSON files that we wrote ourselves, and refuses whatever we would not write.

Every function raises TypeError or ValueError; `tasks.durable_files.read_kept` makes that a miss.
"""

import math
from collections.abc import Mapping
from typing import cast


def mapping(value: object) -> Mapping[str, object]:
    """Take a JSON object."""
    if not isinstance(value, Mapping):
        raise TypeError("expected a JSON object")
    return cast(Mapping[str, object], value)


def text(value: object) -> str:
    """Take a string."""
    if not isinstance(value, str):
        raise TypeError("expected a string")
    return value


def texts(value: object) -> tuple[str, ...]:
    """Take an array of strings."""
    if not isinstance(value, list):
        raise TypeError("expected an array")
    return tuple(text(item) for item in cast(list[object], value))


def count(value: object) -> int:
    """Take a whole number from zero on."""
    if type(value) is not int or value < 0:
        raise TypeError("expected a count")
    return value


def duration_s(value: object) -> float:
    """Take a finite number from zero on."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("expected a number")
    if not 0 <= value < math.inf:
        raise ValueError("expected a finite number from 0 on")
    return float(value)
