"""Generation -> candidate: take the code out of a model's answer, and out of given texts.

Protocol `official` takes what stands between the first fence marked `python` (else the first fence
of any kind) and the next fence, the newlines beside the fences included; else the whole text. Then
every import statement that starts a line is cut. The chain carries those newlines into programs and
later prompts, so they count. Protocol `robust` is described in `robust_extraction`.
"""

import ast
import re
from collections.abc import Iterator

from tasks.core.errors import DatasetError
from tasks.core.records import Candidate, Extraction, Given
from tasks.core.robust_extraction import extract_robust

FENCE = "```"
PYTHON_FENCE = "```python"

# Together these cut what `^\s*(import .*|from .*\s+import\s+.*)` (multiline) cuts. That pattern
# scans a run of blank lines once for each of its lines, and the rest of a `from` line once for each
# of its spaces; here every run of white space is met once, with nothing to backtrack into.
_LINE_START = re.compile(r"(?:\A|\n)\s*+")
_IMPORT = re.compile(r"import .*|from (?:.*+\n\s*+|.*[^\S\n])import\s+.*")

_DEF_NAME = re.compile(r"\bdef\s+(\w+)\s*\(")
_CLASS_NAME = re.compile(r"\bclass\s+(\w+)\s*[(:]")


def take_candidate(text: str, protocol: Extraction, header: str) -> Candidate:
    """Take the candidate out of a generation's text, as the protocol says.

    Args:
        text: the answer, without the model's reasoning.
        protocol: how it is taken out.
        header: the function header of the sub-step; `official` does not look at it.
    """
    if protocol is Extraction.ROBUST:
        return extract_robust(text, header)
    return extract_candidate(text)


def extract_candidate(text: str) -> Candidate:
    """Take the candidate out of a generation's text, byte for byte as protocol `official` does."""
    opening = PYTHON_FENCE if PYTHON_FENCE in text else FENCE
    before, found, after = text.partition(opening)
    code = after.partition(FENCE)[0] if found else before
    return Candidate(code=strip_imports(code), fenced=bool(found))


def strip_imports(code: str) -> str:
    """Cut import statements at the start of a line, with the blank lines before them."""
    kept: list[str] = []
    position = 0
    for start, end in _import_spans(code):
        kept.append(code[position:start])
        position = end
    kept.append(code[position:])
    return "".join(kept)


def unwrap_recorded(text: str, program: str) -> str:
    """Restore the answer behind a recorded line whose text was fenced anew from its candidate.

    Some recordings store a candidate between fences on lines of their own. Protocol `official`
    then finds a newline too many on each side; the recorded program tells, since it ends with the
    true candidate. Any other text is returned as it is.
    """
    code = extract_candidate(text).code
    if len(code) < 2 or not (code[0] == code[-1] == "\n") or program.endswith(f"\n\n{code}"):
        return text
    inner = code[1:-1]
    return f"{PYTHON_FENCE}{inner}{FENCE}" if program.endswith(f"\n\n{inner}") else text


def take_given(text: str, header: str, mode: Given) -> str:
    """Take the code of a given sub-step out of the text that the benchmark supplies.

    Mode `extracted` keeps only the first function or class, breadth first, that has the name in
    the header: for 13.6 and 62.1 that is a bare `__init__`, whose class is lost.

    Raises:
        DatasetError: the header names nothing, or the text does not hold what it names.
    """
    if mode is Given.WHOLE:
        return text
    name = _header_name(header)
    for node in ast.walk(_parse_given(text)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return ast.unparse(node)
    raise DatasetError(
        f"expected the given code to define {name!r}, which its function header names, and found "
        "no function or class of that name; correct the given code, or use it as a whole "
        f"(given: {Given.WHOLE})"
    )


def _import_spans(code: str) -> Iterator[tuple[int, int]]:
    done = 0
    for blank in _LINE_START.finditer(code):
        if blank.start() < done:
            continue
        statement = _IMPORT.match(code, blank.end())
        if statement:
            done = statement.end()
            # The newline that ends the line before stays, unlike the blank lines after it.
            yield (blank.start() + 1 if blank.start() else 0), done


def _header_name(header: str) -> str:
    match = _DEF_NAME.search(header) or _CLASS_NAME.search(header)
    if match is None:
        raise DatasetError(
            "expected a function header with `def name(` or `class name`, found "
            f"{header.strip()[:80]!r}; correct the header, or use the given code as a whole "
            f"(given: {Given.WHOLE})"
        )
    return match.group(1)


def _parse_given(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise DatasetError(
            f"expected given code that Python can parse, found: {error}; correct the given code, "
            f"or use it as a whole (given: {Given.WHOLE})"
        ) from error
