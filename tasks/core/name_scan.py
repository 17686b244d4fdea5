"""Tells which names a candidate defines and loads, from its tokens alone; never raises.

It serves the decision on inheritance and is right for ordinary code: a name that a function binds
anywhere (parameters, assignments, loops, nested functions) is its own and no load; attributes,
keyword arguments and names inside of strings are none either.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from keyword import iskeyword

from tasks.core.token_scan import Kind, LogicalLine, Token, logical_lines

_COMPOUND = frozenset(
    "async class def elif else except finally for if try while with match case".split()
)
_ASSIGNMENTS = frozenset("= += -= *= /= //= %= @= &= |= ^= >>= <<= **=".split())
_DEFINING = ("def", "class")
_BEFORE_PARAMETER = frozenset(("lambda", "(", ",", "*", "**"))
# How far targets and parameters are followed: a row of n `lambda` must not cost n * n.
_MOST_TOKENS = 100


@dataclass(frozen=True)
class NameScan:
    """What one candidate defines: each name with the names that its definition loads.

    `runs` are the loads of top-level statements that define nothing.
    """

    defines: Mapping[str, frozenset[str]]
    runs: frozenset[str]

    @cached_property
    def loads(self) -> frozenset[str]:
        """Every name that the candidate loads."""
        return self.runs.union(*self.defines.values())


def scan_names(code: str) -> NameScan:
    """Scan a candidate, or any other text."""
    defines: dict[str, frozenset[str]] = {}
    runs: frozenset[str] = frozenset()
    for statement in _statements(logical_lines(code)):
        names, loads = _take_statement(statement)
        if not names:
            runs |= loads
        for name in names:
            defines[name] = defines.get(name, frozenset()) | loads
    return NameScan(defines, runs)


def _statements(lines: Iterable[LogicalLine]) -> Iterator[list[LogicalLine]]:
    statement: list[LogicalLine] = []
    for line in lines:
        if line.indent == 0 and statement:
            yield statement
            statement = []
        statement.append(line)
    if statement:
        yield statement


def _take_statement(statement: Sequence[LogicalLine]) -> tuple[set[str], frozenset[str]]:
    """Return what a top-level statement defines, and what it loads."""
    defined = _defined_name(statement[0].tokens)
    if defined is None:
        bound, loads = _take_scope(statement)
        return bound, loads
    scopes = _class_scopes(statement) if _starts_with(statement[0], "class") else [statement]
    loads = {name for scope in scopes for name in _take_scope(scope)[1]}
    return {defined}, frozenset(loads)


def _class_scopes(statement: Sequence[LogicalLine]) -> list[list[LogicalLine]]:
    """Cut a class into scopes, since a name of one method is none of another's."""
    scopes = [[statement[0]]]
    for line in statement[1:]:
        if line.indent <= statement[1].indent:
            scopes.append([])
        scopes[-1].append(line)
    return scopes


def _take_scope(lines: Iterable[LogicalLine]) -> tuple[set[str], frozenset[str]]:
    bound: set[str] = set()
    loaded: set[str] = set()
    declared: set[str] = set()
    for line in lines:
        if _starts_with(line, "import", "from"):
            bound.update(_names(line.tokens))
        elif _starts_with(line, "global", "nonlocal"):
            declared.update(_names(line.tokens))
        else:
            bound.update(_bound(line.tokens))
            loaded.update(_loaded(line.tokens))
    bound -= declared
    return bound, frozenset(loaded - bound)


def _names(tokens: Iterable[Token]) -> Iterator[str]:
    return (t.text for t in tokens if t.kind is Kind.NAME and not iskeyword(t.text))


def _starts_with(line: LogicalLine, *words: str) -> bool:
    return line.tokens[0].text in words


def _defined_name(tokens: Sequence[Token]) -> str | None:
    for token, following in pairwise(tokens[:3]):
        if token.text in _DEFINING and following.kind is Kind.NAME:
            return following.text
        if token.text != "async":
            return None
    return None


def _loaded(tokens: Sequence[Token]) -> Iterator[str]:
    for i, token in enumerate(tokens):
        if token.kind is Kind.NAME and not iskeyword(token.text):
            attribute = i > 0 and tokens[i - 1].text == "."
            keyword = token.called and _text(tokens, i + 1) == "="
            if not (attribute or keyword):
                yield token.text


def _bound(tokens: Sequence[Token]) -> Iterator[str]:
    yield from _assigned(tokens)
    for i, token in enumerate(tokens):
        match token.text:
            case "for":
                yield from _targets(_until(tokens, i, "in"))
            case "lambda":
                yield from _parameters(tokens, i, ":")
            case "def" if i < 2:
                yield from _names(tokens[i + 1 : i + 2])
                yield from _parameters(tokens, i + 2, ")")
            case "as" | "class":
                yield from _names(tokens[i + 1 : i + 2])
            case ":=":
                yield from _names(tokens[i - 1 : i] if i else ())
            case _:
                pass


def _assigned(tokens: Sequence[Token]) -> Iterator[str]:
    """Names that an assignment binds, annotated or not, also behind an `if …:` on its line."""
    outer = [i for i, token in enumerate(tokens) if token.depth == 0]
    last = max((i for i in outer if tokens[i].text in _ASSIGNMENTS), default=0)
    colons = [i for i in outer if tokens[i].text == ":"]
    start = 0
    if tokens[0].text in _COMPOUND:
        start = max((i + 1 for i in colons if i < last), default=last)
    elif colons and colons[0] == 1:
        last = 1
    yield from _targets(tokens[start:last])


def _targets(tokens: Sequence[Token]) -> Iterator[str]:
    """Names in a list of targets: not `x` of `x[i]`, `x.a` or `x(i)`, which are changed only."""
    for i, token in enumerate(tokens):
        if token.kind is Kind.NAME and not token.called and not iskeyword(token.text):
            attribute = i > 0 and tokens[i - 1].text == "."
            if not attribute and _text(tokens, i + 1) not in (".", "[", "("):
                yield token.text


def _parameters(tokens: Sequence[Token], start: int, end: str) -> Iterator[str]:
    """Names that follow the start, a comma or a star, up to the end at the depth of the start."""
    if start >= len(tokens):
        return
    inside = tokens[start].depth + (end == ")")
    for before, token in pairwise(_until(tokens, start, end, keep_start=True)):
        if before.text in _BEFORE_PARAMETER and token.depth == inside:
            yield from _names([token])


def _until(
    tokens: Sequence[Token], start: int, end: str, *, keep_start: bool = False
) -> Sequence[Token]:
    depth = tokens[start].depth
    stop, most = start + 1, min(len(tokens), start + _MOST_TOKENS)
    while stop < most and (tokens[stop].text != end or tokens[stop].depth > depth):
        stop += 1
    return tokens[start if keep_start else start + 1 : stop]


def _text(tokens: Sequence[Token], index: int) -> str:
    return tokens[index].text if index < len(tokens) else ""
