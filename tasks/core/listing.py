"""Names and numbers in messages and reports: the first few names, and nouns that fit a number."""

from collections.abc import Sequence


def name_first(names: Sequence[str], most: int = 5) -> str:
    """Join the first names with commas and count the rest; empty for no names."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def counted(number: int, noun: str) -> str:
    """Write a number with its noun, in the singular where there is one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
