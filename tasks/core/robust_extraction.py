"""Generation -> candidate by protocol `robust`: the code that the model means, imports included.

Blocks marked as Python and blocks without a mark are looked at, others (`bash`, `text`, `json`)
only where there are none of these. Of them is taken

1. the last that parses and defines the name that the sub-step's function header asks for,
2. else the last that parses and defines a function or a class,
3. else the last that parses, 4. else the last.

Where no block parses, code between backticks within lines is taken if it defines a function or a
class. A text without blocks is the candidate as a whole; so is one that is itself a program with
that name, whose fences stand in its strings. A candidate that only parses without its common
indentation loses it. `from __future__` imports are taken out, since they may not stand in the
middle of a program; all other imports stay. Line ends become newlines, and blank lines at the
edges go.

Blocks are tried from the last one until a total of `MOST_CHARACTERS` was parsed; those before it
count as code that does not parse.
"""

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from tasks.core.bounded_parsing import parse_bounded
from tasks.core.chain import header_names
from tasks.core.fenced_blocks import Block, fenced_blocks
from tasks.core.records import Candidate
from tasks.core.token_scan import MOST_CHARACTERS

_PYTHON = frozenset({"", "python", "python3", "py", "py3", "ipython", "ipython3"})
_QUOTES = ('"""', "'''")
_INLINE = "```python"
_COST_OF_A_BLOCK = 50  # characters that take as long as what every block takes
_LINE_END = re.compile(r"\r\n?+")
_BLANK_LINES = re.compile(r"(?:[ \t\f]*+\n)*+")


class _Rank(IntEnum):
    """How much speaks for a block."""

    NONE = 0
    PARSES = 1
    DEFINES = 2
    NAMED = 3


@dataclass(frozen=True, slots=True)
class _Reading:
    """Code with its AST, which is None where it does not parse."""

    code: str
    tree: ast.Module | None

    def rank(self, name: str | None) -> _Rank:
        if self.tree is None:
            return _Rank.NONE
        defined, assigned = _names(self.tree)
        if name in defined or name in assigned:
            return _Rank.NAMED
        return _Rank.DEFINES if defined else _Rank.PARSES


def extract_robust(text: str, header: str) -> Candidate:
    """Take the candidate out of a generation's text, as protocol `robust` does.

    Args:
        text: the answer.
        header: the function header of the sub-step.
    """
    text = _LINE_END.sub("\n", text)
    name = next(iter(header_names(header)), None)
    blocks = list(fenced_blocks(text))
    if not blocks or any(quotes in text for quotes in _QUOTES):
        whole = _read(text)
        if whole.rank(name) >= (_Rank.NAMED if blocks else _Rank.PARSES):
            return Candidate(_finish(whole), fenced=False)
    chosen = _choose_code(text, blocks, name)
    if chosen is None:
        return Candidate(text, fenced=False)
    return Candidate(_finish(chosen), fenced=True)


def _choose_code(text: str, blocks: Sequence[Block], name: str | None) -> _Reading | None:
    """Choose among the blocks, or take code between backticks within lines where none parses."""
    python = [block for block in blocks if block.language in _PYTHON]
    chosen = _choose_block(python or blocks, name) if blocks else None
    if chosen is not None and chosen.tree is not None:
        return chosen
    inline = _read(_cut_within_lines(text))
    return inline if inline.rank(name) >= _Rank.DEFINES else chosen


def _cut_within_lines(text: str) -> str:
    """Cut at the first backticks marked `python`, wherever they stand, and at the next ones."""
    return text.partition(_INLINE)[2].partition("```")[0]


def _choose_block(blocks: Sequence[Block], name: str | None) -> _Reading:
    best, best_rank = _Reading(blocks[-1].code, None), _Rank.NONE
    remaining = MOST_CHARACTERS
    for block in reversed(blocks):
        remaining -= len(block.code) + _COST_OF_A_BLOCK
        if remaining < 0:
            break
        reading = _read(block.code)
        rank = reading.rank(name)
        if rank > best_rank:
            best, best_rank = reading, rank
        if rank is _Rank.NAMED:
            break
    return best


def _read(code: str) -> _Reading:
    """Parse code, without its common indentation where only so it parses."""
    tree = parse_bounded(code)
    if tree is None and len(code) <= MOST_CHARACTERS:
        dedented = textwrap.dedent(code)
        tree = parse_bounded(dedented) if dedented != code else None
        code = code if tree is None else dedented
    return _Reading(code, tree)


def _names(tree: ast.Module) -> tuple[set[str], set[str]]:
    """Return the names of functions and classes, and those assigned, outside of functions."""
    defined: set[str] = set()
    assigned: set[str] = set()
    for node in _statements(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Assign):
            assigned.update(t.id for t in node.targets if isinstance(t, ast.Name))
    return defined, assigned


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = [*tree.body]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = ast.iter_child_nodes(node)
            waiting += (n for n in inner if isinstance(n, ast.stmt | ast.ExceptHandler))


def _finish(reading: _Reading) -> str:
    code = reading.code if reading.tree is None else _drop_futures(reading.code, reading.tree)
    blank = _BLANK_LINES.match(code)
    return code[blank.end() if blank else 0 :].rstrip()


def _drop_futures(code: str, tree: ast.Module) -> str:
    """Take the `from __future__` imports out; one that shares its line leaves a `pass`."""
    futures = [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    # Columns of the AST count bytes.
    lines = code.encode().split(b"\n")
    for node in reversed(futures):
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        before, after = lines[first][: node.col_offset], lines[last][node.end_col_offset :]
        alone = not before.strip() and after.strip()[:1] in (b"", b"#")
        lines[first : last + 1] = [before + (b"" if alone else b"pass") + after]
    return b"\n".join(lines).decode()
