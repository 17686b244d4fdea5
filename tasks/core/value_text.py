"""metrics -> report: writes any value of a metrics document for a person, in few digits."""

import json

from tasks.core.json_value import JsonValue

ABSENT = "–"


def value_text(value: JsonValue) -> str:
    """Write a value; fractions keep four decimals below 10 and one above."""
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.4f}" if abs(value) < 10 else f"{value:.1f}"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def interval_text(value: JsonValue) -> str:
    """Write an interval, which is an array of two numbers or nothing."""
    return " to ".join(map(value_text, value)) if isinstance(value, list) else ABSENT
