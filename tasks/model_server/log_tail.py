"""Reads the last of what a model server printed, for a person: cut, and safe for a terminal."""

import os
import re
from pathlib import Path

_READ_BYTES = 16 * 2**10
_LINE_CHARACTERS = 300
# Colours and movements of the cursor; the rest of such a sequence would stay as text.
_ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-_])")


def read_last_lines(log: Path, start: int, count: int) -> tuple[str, ...]:
    """Return the last lines that are not blank; a progress bar's states are lines of their own.

    Args:
        log: the file.
        start: the byte to begin at, behind what earlier servers wrote.
        count: most lines.
    """
    try:
        with log.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(start, end - _READ_BYTES))
            text = file.read(_READ_BYTES).decode("utf-8", "replace")
    except OSError:
        return ()
    lines = [_clean(line) for line in re.split(r"[\r\n]+", _ESCAPE.sub("", text))]
    return tuple([line for line in lines if line][-count:])


def _clean(line: str) -> str:
    text = "".join(c for c in line.replace("\t", " ") if c.isprintable()).strip()
    return text if len(text) <= _LINE_CHARACTERS else f"{text[:_LINE_CHARACTERS]}…"
