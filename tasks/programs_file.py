"""Programs file -> programs: read finished programs that enter the arrow line past generation.

One JSON object a line, `{"step_id": "13.7", "program": "...", "repeat": 0}`; `repeat` defaults to 0
and any other field is passed over. A run's own generations.jsonl, or its directory, can be given as
well: `text`, `candidate` and `finish_reason` then tell what the program alone does not, so that
every sub-step gets the verdict that it got there.
"""

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tasks.core.errors import DatasetError
from tasks.core.extraction import extract_candidate
from tasks.core.records import Candidate, FinishReason

_SHAPE = '{"step_id": "13.7", "program": "...", "repeat": 0}'


@dataclass(frozen=True, slots=True)
class ProgramLine:
    """One program to verify.

    `candidate` is the sub-step's own code in it, None where only the program is known, as is
    `finish_reason`.
    """

    step_id: str
    program: str
    repeat: int = 0
    candidate: Candidate | None = None
    finish_reason: FinishReason | None = None

    @property
    def overlong(self) -> bool:
        """Whether there is no program, because the prompt did not fit into the model's context."""
        return self.finish_reason is FinishReason.OVERLONG


def programs_file(path: Path) -> Path:
    """Return the file of programs: the path itself, or the one in a run directory."""
    return path / "generations.jsonl" if path.is_dir() else path


def load_programs(path: Path) -> tuple[ProgramLine, ...]:
    """Read a programs file, `.jsonl` or `.jsonl.gz`, in the order of its lines.

    Raises:
        DatasetError: the file or one of its lines cannot be used.
    """
    first_lines: dict[tuple[int, str], int] = {}
    programs: list[ProgramLine] = []
    for number, fields in _objects(path):
        line = _program_line(fields, f"{path}, line {number}")
        first = first_lines.setdefault((line.repeat, line.step_id), number)
        if first != number:
            raise DatasetError(
                f"{path}, line {number}: expected one program for each repeat and step_id, found a "
                f"second one for step_id {line.step_id!r}, repeat {line.repeat} (first on line "
                f"{first}); remove one, or give them different repeats"
            )
        programs.append(line)
    if not programs:
        raise DatasetError(f"{path}: expected lines such as {_SHAPE}, found none")
    return tuple(programs)


def _objects(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, line in enumerate(_read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = cast(object, json.loads(line))
        except (ValueError, RecursionError) as error:
            raise _refusal(f"{path}, line {number}", f"text that is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise _refusal(f"{path}, line {number}", f"a JSON {type(value).__name__}")
        yield number, cast(Mapping[str, object], value)


def _program_line(fields: Mapping[str, object], where: str) -> ProgramLine:
    repeat = fields.get("repeat", 0)
    if isinstance(repeat, bool) or not isinstance(repeat, int) or repeat < 0:
        raise _refusal(where, f'"repeat": {json.dumps(repeat)[:40]}, which is no count from 0')
    step_id, program = _text(fields, "step_id", where), _text(fields, "program", where)
    if not step_id:
        raise _refusal(where, 'an empty "step_id"')
    return ProgramLine(
        step_id=step_id,
        program=program,
        repeat=repeat,
        candidate=_candidate(fields),
        finish_reason=_finish_reason(fields.get("finish_reason")),
    )


def _candidate(fields: Mapping[str, object]) -> Candidate | None:
    text, code = fields.get("text"), fields.get("candidate")
    if not isinstance(text, str) or not isinstance(code, str):
        return None
    fenced = fields.get("fenced")
    return Candidate(code, fenced if isinstance(fenced, bool) else extract_candidate(text).fenced)


def _finish_reason(value: object) -> FinishReason | None:
    return next((reason for reason in FinishReason if reason == value), None)


def _text(fields: Mapping[str, object], key: str, where: str) -> str:
    if key not in fields:
        raise _refusal(where, f'no "{key}"')
    value = fields[key]
    if not isinstance(value, str):
        raise _refusal(where, f'"{key}" of type {type(value).__name__} instead of a string')
    return value


def _read_text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DatasetError(
            f"{path}: expected a readable UTF-8 file of programs, .jsonl or .jsonl.gz, found: "
            f"{error}; check the path and the file"
        ) from error


def _refusal(where: str, found: str) -> DatasetError:
    return DatasetError(f"{where}: expected {_SHAPE}, found {found}; correct the line or remove it")
