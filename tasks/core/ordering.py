"""Order of problem and sub-step ids wherever metrics and reports list them.

Ids are text with numbers in it, so plain text order puts problem 10 before 2 and step 10.10
before 10.2.
"""

import re
from typing import TypeAlias

NaturalKey: TypeAlias = tuple[tuple[tuple[int, int, str], ...], str]

_PIECE = re.compile(r"[0-9]+|[^0-9]+")


def natural_key(identifier: str) -> NaturalKey:
    """Return a sort key under which runs of digits compare as numbers.

    Equal keys mean equal ids: "02" and "2" compare alike as numbers and are then told apart as
    text, so that a sorted list never depends on the order it came in.
    """
    pieces = tuple(_piece_key(piece) for piece in _PIECE.findall(identifier))
    return pieces, identifier


def _piece_key(piece: str) -> tuple[int, int, str]:
    if not "0" <= piece[0] <= "9":
        return 1, 0, piece
    # Without leading zeros the longer number is the greater one. int() refuses very long digits.
    digits = piece.lstrip("0")
    return 0, len(digits), digits
