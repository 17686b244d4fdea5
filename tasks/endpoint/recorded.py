"""generation, its other end: answers a prompt as a recorded run was answered.

The answer is found by the sha256 of the prompt, and where sub-steps or repeats share a prompt by
the name that the request carries, `step_id/repeat/…`. To a request without one, the answers are
handed out in the order of the recording, again and again. Two kinds of lines are read: those of
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
from tasks.endpoint.answers import Answer

_GENERATIONS = "generations.jsonl"


class RecordedBook:
    """Answers by the sha256 of the prompt, and by the name of the request."""

    def __init__(self, lines: Iterable[tuple[str, str, Answer]]) -> None:
        """Take the digest of a prompt, a name and the answer for each recorded generation."""
        found: dict[tuple[str, str], list[Answer]] = {}
        for digest, name, answer in lines:
            for key in {(digest, name), (digest, "")}:
                found.setdefault(key, []).append(answer)
        self._turns = {key: cycle(answers) for key, answers in found.items()}

    def __len__(self) -> int:
        """Return the number of different prompts."""
        return len({digest for digest, _ in self._turns})

    def answer(self, prompt: str, name: str = "", /) -> Answer | None:
        """Return the recorded answer of that name to a prompt, else the next of all to it."""
        digest = prompt_sha256(prompt)
        step_id, _, rest = name.partition("/")
        # Those who record a single repeat may not number it.
        for known in (f"{step_id}/{rest.partition('/')[0]}", step_id, ""):
            if (digest, known) in self._turns:
                return next(self._turns[digest, known])
        return None


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


def _read_lines(file: Path) -> Iterator[tuple[str, str, Answer]]:
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
        yield _digest(found, where), _name(found), _answer(found, where)


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


def _name(line: Mapping[str, object]) -> str:
    """Return the start of the name that a request for this generation has."""
    step_id, repeat = line.get("step_id"), line.get("repeat")
    if not isinstance(step_id, str):
        return ""
    return f"{step_id}/{repeat}" if isinstance(repeat, int) else step_id


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
