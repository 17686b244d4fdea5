"""Reads tokens out of a candidate for the decision on inheritance; whatever the text is, it ends.

A candidate is untrusted text, and only the sandbox child compiles it: Python's own parser can be
kept busy or be crashed by what it reads. One pass of a pattern that never goes back takes time in
proportion to the text, and no nesting of the text becomes a nesting of calls here. What is no
Python comes out as tokens too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

MOST_CHARACTERS = 100_000


class Kind(StrEnum):
    """What a token is."""

    NAME = "name"
    LITERAL = "literal"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Token:
    """A token; `depth` counts the brackets around it, `called` tells that the innermost of them
    is one of a call or an index."""

    kind: Kind
    text: str
    depth: int
    called: bool


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """The tokens up to the line end that no bracket holds open, and the blanks before them."""

    indent: int
    tokens: tuple[Token, ...]


_TOKEN = re.compile(
    r"""
    (?P<string> [rbfuRBFU]{0,2}+ (?:
        '''(?:[^\\']++|\\.|'(?!''))*+(?:'''|\\?\Z) | \"""(?:[^\\"]++|\\.|"(?!""))*+(?:\"""|\\?\Z)
        | '(?:[^\\'\r\n]++|\\.)*+'? | "(?:[^\\"\r\n]++|\\.)*+"? ) )
    | (?P<comment> \#[^\r\n]*+ )
    | (?P<join> \\(?:\r\n|\r|\n) )
    | (?P<newline> \r\n|\r|\n )
    | (?P<blank> [ \t\f]++ )
    | (?P<name> [^\W\d]\w*+ )
    | (?P<number> \d[\w.]*+ )
    | (?P<operator> \.\.\. | ->|:= | (?:\*\*|//|<<|>>|[-+*/%@&|^=!<>])=? | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_KINDS = {
    "string": Kind.LITERAL,
    "number": Kind.LITERAL,
    "name": Kind.NAME,
    "operator": Kind.OPERATOR,
}


def logical_lines(code: str) -> tuple[LogicalLine, ...]:
    """Cut a text into logical lines; one that is longer than any candidate yields none."""
    return tuple(_cut(code)) if len(code) <= MOST_CHARACTERS else ()


def _cut(code: str) -> Iterator[LogicalLine]:
    tokens: list[Token] = []
    brackets: list[bool] = []
    indent, fresh = 0, True
    for match in _TOKEN.finditer(code):
        group, text = match.lastgroup, match.group()
        if not brackets and (group == "newline" or text == ";"):
            if tokens:
                yield LogicalLine(indent, tuple(tokens))
            tokens = []
            if group == "newline":
                indent, fresh = 0, True
        elif group == "blank" and fresh:
            indent, fresh = len(text), False
        elif group in _KINDS:
            fresh = False
            _add(tokens, brackets, _KINDS[group], text)
    if tokens:
        yield LogicalLine(indent, tuple(tokens))


def _add(tokens: list[Token], brackets: list[bool], kind: Kind, text: str) -> None:
    if text in (")", "]", "}") and brackets:
        brackets.pop()
    depth, called = len(brackets), bool(brackets) and brackets[-1]
    if text in ("(", "[", "{"):
        before = tokens[-1] if tokens else None
        brackets.append(before is not None and _can_be_called(before))
    tokens.append(Token(kind, text, depth, called))


def _can_be_called(token: Token) -> bool:
    if token.kind is Kind.NAME:
        return token.text not in _BEFORE_GROUP
    return token.kind is Kind.LITERAL or token.text in (")", "]", "}")


_BEFORE_GROUP = frozenset(
    "and as assert await del elif else for from if import in is lambda not or raise return while "
    "with yield".split()
)
