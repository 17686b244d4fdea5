"""prompt -> generation: reads how long a busy endpoint asks to be left alone."""

import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

_MS = 1000


def read_retry_after(headers: Mapping[str, str], now_s: float) -> float:
    """Return the seconds that the headers of an answer ask to wait, 0 where they ask for none.

    Args:
        headers: with names in lower case; `retry-after-ms` (OpenAI's) goes before `retry-after`,
            which holds seconds or a date.
        now_s: seconds since 1970.
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / _MS
    value = headers.get("retry-after", "")
    seconds = _number(value)
    return max(0.0, _date_s(value) - now_s) if seconds is None else seconds


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _date_s(text: str) -> float:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0.0
