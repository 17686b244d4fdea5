"""generation, its other end: answers a prompt as a recorded run was answered.

The answer is found by the sha256 of the prompt. Repeats of one prompt have several answers, which
are handed out in the order of the recording, again and again. Two kinds of lines are read: those of
our own `generations.jsonl`, and `step_id, generation, prompt_sha256` as others record them. Others
may have fenced the candidate anew; the program beside it then tells how the answer really was.
"""

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import cycle
from pathlib import Path
from typing import cast

from tasks.core.caching import prompt_sha256
from tasks.core.errors import DatasetError
from tasks.core.extraction import unwrap_recorded
from tasks.core.loose_json import fields
from tasks.core.records import FinishReason, Usage
from tasks.core.request_name import read_request_name
from tasks.endpoint.answers import Answer

_GENERATIONS = "generations.jsonl"

Place = tuple[str, int]
"""Sub-step and repeat."""


class RecordedBook:
    """Answers by the sha256 of the prompt."""

    def __init__(self, lines: Iterable[tuple[str, Place, Answer]]) -> None:
        """Take prompt digest, place and answer of each recorded generation."""
        found: dict[str, list[Answer]] = {}
        self._by_place: dict[tuple[str, Place], Answer] = {}
        for digest, place, answer in lines:
            found.setdefault(digest, []).append(answer)
            self._by_place[digest, place] = answer
        self._turns = {digest: cycle(answers) for digest, answers in found.items()}

    def __len__(self) -> int:
        """Return the number of different prompts."""
        return len(self._turns)

    def answer(self, prompt: str, name: str = "") -> Answer | None:
        """Return the answer recorded for a request of this name, or else the next one."""
        digest, place = prompt_sha256(prompt), read_request_name(name)
        known = None if place is None else self._by_place.get((digest, place))
        turns = self._turns.get(digest)
        return known if known is not None or turns is None else next(turns)


def load_recording(path: Path) -> RecordedBook:
    """Load a run directory, or a .jsonl or .jsonl.gz file of generations.

    Raises:
        DatasetError: the file cannot be read, or a line is no generation.
    """
    file = path / _GENERATIONS if path.is_dir() else path
    book = RecordedBook(_read_lines(file))
    if not len(book):
        raise DatasetError(f"{file}: expected one generation a line, found none")
    return book


def _read_lines(file: Path) -> Iterator[tuple[str, Place, Answer]]:
    for number, line in enumerate(_lines(file), 1):
        if not line.strip():
            continue
        where = f"{file}, line {number}"
        try:
            parsed: object = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DatasetError(f"{where}: expected a JSON object, found {error}") from error
        if not isinstance(parsed, Mapping):
            raise DatasetError(f"{where}: expected a JSON object, found {type(parsed).__name__}")
        found = cast(Mapping[str, object], parsed)
        yield _digest(found, where), _place(found), _answer(found, where)


def _lines(file: Path) -> list[str]:
    try:
        data = file.read_bytes()
        text = gzip.decompress(data) if file.suffix == ".gz" else data
        # Only a line feed ends a line of JSONL; str.splitlines would cut at U+2028 too.
        return text.decode("utf-8").split("\n")
    except FileNotFoundError as error:
        raise DatasetError(
            f"no recording at {file}: expected a run directory with {_GENERATIONS}, or a .jsonl "
            "or .jsonl.gz file of generations"
        ) from error
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DatasetError(f"cannot read the recording {file}: {error}") from error


def _digest(line: Mapping[str, object], where: str) -> str:
    """Take the recorded digest; a prompt that stands beside it must agree with it."""
    recorded, prompt = line.get("prompt_sha256"), line.get("prompt")
    own = prompt_sha256(prompt) if isinstance(prompt, str) else None
    if recorded is None and own is not None:
        return own
    if not isinstance(recorded, str):
        raise DatasetError(f"{where}: expected prompt_sha256 or prompt, found {sorted(line)}")
    if own is not None and own != recorded:
        raise DatasetError(
            f"{where}: prompt_sha256 is {recorded}, but the prompt beside it has {own}; the file "
            "was changed after it was recorded"
        )
    return recorded


def _place(line: Mapping[str, object]) -> Place:
    """Take sub-step and repeat; a line without them is found by its prompt only."""
    step_id, repeat = line.get("step_id"), line.get("repeat", 0)
    return str(step_id or ""), repeat if isinstance(repeat, int) else 0


def _answer(line: Mapping[str, object], where: str) -> Answer:
    text = line.get("text", line.get("generation"))
    if not isinstance(text, str):
        raise DatasetError(f"{where}: expected the string text or generation")
    program = line.get("program")
    if "text" not in line and isinstance(program, str):
        text = unwrap_recorded(text, program)
    finish_reason = line.get("finish_reason", FinishReason.STOP)
    if finish_reason not in tuple(FinishReason):
        expected = ", ".join(FinishReason)
        raise DatasetError(f"{where}: finish_reason {finish_reason!r} is none of {expected}")
    return Answer(text, FinishReason(cast(str, finish_reason)), _usage(line.get("usage"), where))


def _usage(value: object, where: str) -> Usage | None:
    if value is None:
        return None
    counts = fields(value)
    tokens_in, tokens_out = counts.get("input_tokens"), counts.get("output_tokens")
    if not isinstance(tokens_in, int) or not isinstance(tokens_out, int):
        raise DatasetError(f"{where}: usage lacks the numbers input_tokens and output_tokens")
    return Usage(tokens_in, tokens_out)
