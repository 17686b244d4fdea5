"""Names in messages and reports: the first few of them, and how many more there are."""

from collections.abc import Sequence


def name_first(names: Sequence[str], most: int = 5) -> str:
    """Join the first names with commas and count the rest; empty for no names."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
