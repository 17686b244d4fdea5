"""generation -> candidate: parses untrusted code into an AST, within bounds; nothing is compiled.

Python's own parser calls itself for every level of nesting and overruns a small stack (that of a
thread on macOS) before it gives up; its time grows with the text. What is long or deep is
therefore told from its tokens before the parser sees it, and counts as code that does not parse.
Code that people or models write stays far below these bounds.
"""

import ast
import warnings
from collections.abc import Sequence

from tasks.core.token_scan import MOST_CHARACTERS, Kind, LogicalLine, Token, logical_lines

_MOST_BRACKETS = 60  # around one token
_MOST_NESTED = 400  # operators of one kind of nesting in a line of any length
_MOST_FORMAT_CHARACTERS = 2000  # of one f-string, whose insides the tokens do not show
_PREFIXES = frozenset({"-", "+", "~", "not", "await"})
_RIGHT_TO_LEFT = frozenset({"**", "else", "lambda"})


def parse_bounded(code: str) -> ast.Module | None:
    """Parse code; None where it is no Python, too long or too deeply nested."""
    if len(code) > MOST_CHARACTERS or not _is_shallow(logical_lines(code)):
        return None
    try:
        with warnings.catch_warnings():
            # An escape such as "\d" is worth a warning, which is nobody's business here.
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_shallow(lines: Sequence[LogicalLine]) -> bool:
    branches = sum(line.tokens[0].text == "elif" for line in lines)
    return branches <= _MOST_NESTED and all(_is_flat(line.tokens) for line in lines)


def _is_flat(tokens: Sequence[Token]) -> bool:
    row = nested = 0
    for token in tokens:
        row = row + 1 if token.text in _PREFIXES else 0
        nested += token.text in _RIGHT_TO_LEFT
        if max(row, nested) > _MOST_NESTED or token.depth > _MOST_BRACKETS or _hides(token):
            return False
    return True


def _hides(token: Token) -> bool:
    """Whether a token is an f-string long enough to nest deeply."""
    if token.kind is not Kind.LITERAL or len(token.text) <= _MOST_FORMAT_CHARACTERS:
        return False
    return "f" in token.text[:2].lower()
