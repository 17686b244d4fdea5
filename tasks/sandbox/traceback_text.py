"""Says why a program failed, for a person: its own lines, nothing of ours, and never too much.

What it describes is untrusted: an exception may raise from its own `__str__`, carry a gigabyte of
message or a line of it that redraws the terminal.
"""

import linecache
import traceback
from types import TracebackType

DETAIL_CHARACTERS = 2000

_LINE_CHARACTERS = 200
_MESSAGE_CHARACTERS = 1000
_SHOWN_FRAMES = 20


def describe(error: BaseException, filenames: frozenset[str]) -> str:
    """Write the last lines of a traceback, of the named sources only, then type and message."""
    headline = _headline(error)
    room = DETAIL_CHARACTERS - len(headline) - 1
    lines = "\n".join(_own_lines(error.__traceback__, filenames))
    return f"{lines[-room:]}\n{headline}" if lines else headline


def describe_syntax(error: BaseException) -> str:
    """Write where the source does not compile, with the line."""
    if not isinstance(error, SyntaxError):
        return _headline(error)
    place = f'  File "{error.filename}", line {error.lineno}'
    line = (error.text or "").strip()[:_LINE_CHARACTERS]
    return f"{place}\n    {line}\n{type(error).__name__}: {error.msg}"[:DETAIL_CHARACTERS]


def printable(text: str) -> str:
    """Cut a text and replace what neither a UTF-8 file nor a terminal should get."""
    clean = text[-DETAIL_CHARACTERS:].encode("utf-8", "replace").decode("utf-8")
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in clean)


def _headline(error: BaseException) -> str:
    name = str(type.__dict__["__qualname__"].__get__(type(error)))[:_LINE_CHARACTERS]
    try:
        message = str(error)
    except BaseException as failure:  # `__str__` may raise anything, SystemExit too
        message = f"<its message raises {type.__dict__['__name__'].__get__(type(failure))}>"
    return f"{name}: {message[:_MESSAGE_CHARACTERS]}" if message else name


def _own_lines(trace: TracebackType | None, filenames: frozenset[str]) -> list[str]:
    lines: list[str] = []
    for frame, number in list(traceback.walk_tb(trace)):
        code = frame.f_code
        if code.co_filename in filenames:
            lines.append(f'  File "{code.co_filename}", line {number}, in {code.co_name}')
            source = linecache.getline(code.co_filename, number).strip()
            lines.append(f"    {source[:_LINE_CHARACTERS]}")
    return lines[-2 * _SHOWN_FRAMES :]
