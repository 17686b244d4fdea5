"""Dataset -> problems: read SciCode's JSONL, once, into typed records.

A sub-step without cases is given. Its code stands in a file `<step_id>.txt` beside the official
texts (13.6, 62.1 and 76.3), or else in the record's own gold code. Upstream's fields may be null or
missing, and fields that the evaluation does not use are kept out.
"""

import difflib
import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from tasks.core.errors import ConfigError, DatasetError
from tasks.core.extraction import take_given
from tasks.core.listing import name_first
from tasks.core.records import Given, Problem, SubStep

# Ids name HDF5 groups and files, and stand in comma-separated options.
_ID = re.compile(r"[^\s/\\,]+")

_LISTED = 20


@dataclass(frozen=True, slots=True)
class ProblemSet:
    """The problems of one file in its order; `sha256` is of the file's bytes."""

    problems: tuple[Problem, ...]
    sha256: str
    path: Path


@dataclass(frozen=True, slots=True)
class _GivenSource:
    upstream: Path | None
    mode: Given


@dataclass(frozen=True, slots=True)
class _Object:
    """A JSON object and the place to name when it cannot be used."""

    fields: Mapping[str, object]
    where: str

    def refuse(self, expected: str, found: str) -> DatasetError:
        return DatasetError(f"{self.where}: expected {expected}, found {found}; correct the line")

    def text(self, key: str) -> str | None:
        """Return a string, or None where the field is null or missing."""
        value = self.fields.get(key)
        if value is not None and not isinstance(value, str):
            raise self.refuse(f'"{key}" to be a string', type(value).__name__)
        if value is not None and not _is_encodable(value):
            raise self.refuse(f'"{key}" to be valid Unicode', "half of a surrogate pair")
        return value

    def id(self, key: str) -> str:
        value = self.text(key)
        if value is None:
            raise self.refuse(f'a field "{key}"', "none")
        if not _ID.fullmatch(value):
            raise self.refuse(f'"{key}" without spaces, commas and slashes', repr(value))
        return value

    def items(self, key: str) -> tuple[object, ...]:
        """Return the elements of a list, none where the field is null or missing."""
        value = self.fields.get(key)
        if value is not None and not isinstance(value, list):
            raise self.refuse(f'"{key}" to be a list', type(value).__name__)
        return tuple(cast(list[object], value)) if value else ()


def load_problems(path: Path, *, upstream: Path | None, given: Given) -> ProblemSet:
    """Read the problems of a `.jsonl` or `.jsonl.gz` file.

    Args:
        path: the file.
        upstream: folder with the code of given sub-steps, `<step_id>.txt`.
        given: how much of that code enters the chain.

    Raises:
        DatasetError: the file or one of its lines cannot be used.
    """
    raw = _read_bytes(path)
    source = _GivenSource(upstream=upstream, mode=given)
    problems: dict[str, Problem] = {}
    for record in _objects(path, _decode(path, raw)):
        problem = _parse_problem(record, source)
        if problem.problem_id in problems:
            raise record.refuse("every problem_id once", f"{problem.problem_id!r} again")
        problems[problem.problem_id] = problem
    if not problems:
        raise DatasetError(f"{path}: expected one problem a line, found none; check the path")
    digest = hashlib.sha256(raw).hexdigest()
    return ProblemSet(problems=tuple(problems.values()), sha256=digest, path=path)


def select_problems(problem_set: ProblemSet, ids: Sequence[str]) -> ProblemSet:
    """Keep the problems with these ids, in the order of the file; no ids keep them all.

    Raises:
        ConfigError: the file has no problem of that id.
    """
    available = [problem.problem_id for problem in problem_set.problems]
    unknown = next((wanted for wanted in ids if wanted not in available), None)
    if unknown is not None:
        raise ConfigError(
            f"expected ids of problems in {problem_set.path}, found {unknown!r}; "
            f"{_suggestion(unknown, available)}"
        )
    kept = tuple(p for p in problem_set.problems if not ids or p.problem_id in ids)
    return replace(problem_set, problems=kept)


def _suggestion(unknown: str, available: Sequence[str]) -> str:
    close = difflib.get_close_matches(unknown, available, n=3)
    problem_id = unknown.rpartition(".")[0]
    if problem_id in available:
        return f"that looks like a sub-step: choose the whole problem {problem_id}"
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"it has {name_first(available, _LISTED)}"


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(
            f"{path}: expected a readable file of problems, .jsonl or .jsonl.gz, found: "
            f"{error.strerror or error}; check the path"
        ) from error


def _decode(path: Path, raw: bytes) -> str:
    data = raw
    try:
        data = gzip.decompress(raw) if path.suffix == ".gz" else raw
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DatasetError(
            f"{path}, line {line}: expected UTF-8 text, found byte {data[error.start]:#04x}; save "
            "the file as UTF-8"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(
            f"{path}: expected a whole gzip file, found: {error}; fetch the file again"
        ) from error


def _objects(path: Path, text: str) -> Iterator[_Object]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        record = _Object(fields={}, where=f"{path}, line {number}")
        try:
            value = cast(object, json.loads(line))
        except (ValueError, RecursionError) as error:
            raise record.refuse("one JSON object", f"text that is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise record.refuse("one JSON object", f"a JSON {type(value).__name__}")
        yield replace(record, fields=cast(Mapping[str, object], value))


def _parse_problem(record: _Object, source: _GivenSource) -> Problem:
    problem_id = record.id("problem_id")
    steps: dict[str, SubStep] = {}
    for index, item in enumerate(record.items("sub_steps"), start=1):
        if not isinstance(item, dict):
            raise record.refuse(f"sub-step {index} to be an object", type(item).__name__)
        fields = cast(Mapping[str, object], item)
        step = _parse_step(_Object(fields, f"{record.where}, sub-step {index}"), problem_id, source)
        if step.step_id in steps:
            raise record.refuse("every step_number once", f"{step.step_id!r} again")
        steps[step.step_id] = step
    if not steps:
        raise record.refuse('a field "sub_steps" with at least one sub-step', "none")
    return Problem(
        problem_id=problem_id,
        name=record.text("problem_name") or "",
        dependencies=record.text("required_dependencies") or "",
        sub_steps=tuple(steps.values()),
    )


def _parse_step(record: _Object, problem_id: str, source: _GivenSource) -> SubStep:
    step_id = record.id("step_number")
    if not step_id.startswith(f"{problem_id}.") or step_id == f"{problem_id}.":
        raise record.refuse(f'"step_number" to be "{problem_id}.<number>"', repr(step_id))
    header = record.text("function_header")
    if not header:
        raise record.refuse(f'a field "function_header" in sub-step {step_id}', "none")
    step = SubStep(
        step_id=step_id,
        description=record.text("step_description_prompt") or "",
        background=record.text("step_background") or "",
        function_header=header,
        return_line=record.text("return_line"),
        cases=_parse_cases(record),
        gold=record.text("ground_truth_code"),
    )
    return step if step.cases else replace(step, given=_given_code(step, source, record.where))


def _parse_cases(record: _Object) -> tuple[str, ...]:
    cases = record.items("test_cases")
    texts = tuple(case for case in cases if isinstance(case, str) and _is_encodable(case))
    if len(texts) != len(cases):
        raise record.refuse('"test_cases" to be a list of strings', "something else among them")
    return texts


def _given_code(step: SubStep, source: _GivenSource, where: str) -> str:
    path = source.upstream / f"{step.step_id}.txt" if source.upstream else None
    text = _decode(path, _read_bytes(path)) if path and path.is_file() else step.gold
    if text is None:
        raise DatasetError(
            f"{where}: expected code for the given sub-step {step.step_id} (it has no test cases), "
            f'found neither "ground_truth_code" nor {path or "a folder of given code"}; put its '
            f"code into a file {step.step_id}.txt in the folder of the official texts"
        )
    try:
        return take_given(text, step.function_header, source.mode)
    except DatasetError as error:
        raise DatasetError(f"{where}: given sub-step {step.step_id}: {error}") from error


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
