"""verdict -> report: the files of one run on disk, safe against interruption.

Lines are appended as they come, so that nothing is lost; at the end each file is put in order,
with the newest line of every (problem_id, repeat, step_id). A run directory belongs to one
configuration: its identity stands in run.json.
"""

import fcntl
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from tasks.core.errors import ConfigError
from tasks.core.json_value import JsonValue
from tasks.core.ordering import natural_key
from tasks.core.records import StepKey
from tasks.durable_files import replacing

RUN_FILE = "run.json"
LOCK_FILE = ".lock"
# What `durable_files.replacing` writes to before the file has its name.
_UNFINISHED = re.compile(r"\.[a-z]+\.(jsonl?|html)-[a-z0-9_]{8}")
# Results are for everybody who may see the folder.
_MODE = 0o644


class LineLog:
    """A JSON-lines file of one line per (problem_id, repeat, step_id)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _open_log(path)
        self._places: dict[StepKey, tuple[int, int]] = {}
        self._index()

    def append(self, key: StepKey, fields: Mapping[str, JsonValue]) -> None:
        """Write a line at once; it takes the place of an earlier one of the same key."""
        line = (json.dumps({**_key_fields(key), **fields}) + "\n").encode()
        start = self._file.seek(0, os.SEEK_END)
        self._file.write(line)
        self._file.flush()
        self._places[key] = (start, len(line))

    def finish(self) -> None:
        """Put the lines in order, the newest of each key, and close the file."""
        with replacing(self._path, mode=_MODE) as sorted_file:
            for key in sorted(self._places, key=_order):
                start, size = self._places[key]
                self._file.seek(start)
                sorted_file.write(self._file.read(size))
        self.close()

    def close(self) -> None:
        """Close the file as it is."""
        self._file.close()

    def _index(self) -> None:
        """Read the keys of an interrupted run; drop a last line that was cut off."""
        end = 0
        for line in self._file:
            key = _key_of(line)
            if key is None:
                break
            self._places[key] = (end, len(line))
            end += len(line)
        self._file.truncate(end)


class RunDirectory:
    """The output directory of one run, held by one process at a time."""

    def __init__(self, path: Path, identity: Mapping[str, JsonValue]) -> None:
        self.path = path
        self._identity = dict(identity)
        self._lock: int | None = None

    def __enter__(self) -> Self:
        """Create the directory or take up an interrupted run of the same configuration.

        Raises:
            ConfigError: the directory holds something else, or another process writes to it.
        """
        check_output(self.path, self._identity)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.path / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise _unwritable(self.path, error.strerror or str(error)) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another run may have come and gone between the check and the lock.
            check_output(self.path, self._identity)
            self._remove_unfinished()
        except BlockingIOError as error:
            self._let_go()
            raise ConfigError(
                f"another process is writing to {self.path}; wait for it, or give --output another "
                "directory"
            ) from error
        except ConfigError:
            self._let_go()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the directory."""
        self._let_go()

    def _remove_unfinished(self) -> None:
        """Remove what a run that was killed left of a file that it was writing."""
        for path in self.path.glob(".*"):
            if _UNFINISHED.fullmatch(path.name):
                path.unlink(missing_ok=True)

    def _let_go(self) -> None:
        # The file stays: without it, a process that has it open and one that makes it anew would
        # each hold a lock of their own.
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def log(self, name: str) -> LineLog:
        """Open a JSON-lines file of the run."""
        return LineLog(self.path / name)

    def write_run(self, fields: Mapping[str, JsonValue]) -> None:
        """Write run.json."""
        self.write_json(RUN_FILE, {"identity": self._identity, **fields})

    def write_json(self, name: str, content: Mapping[str, JsonValue]) -> None:
        """Write a JSON file of the run, whole or not at all."""
        with replacing(self.path / name, mode=_MODE) as file:
            file.write((json.dumps(content, indent=2) + "\n").encode())

    def remove(self, name: str) -> None:
        """Remove a file of the run that does not hold any more."""
        (self.path / name).unlink(missing_ok=True)

    def write_lines(self, name: str, lines: list[dict[str, JsonValue]]) -> None:
        """Write a JSON-lines file of the run, whole or not at all."""
        with replacing(self.path / name, mode=_MODE) as file:
            file.writelines((json.dumps(line) + "\n").encode() for line in lines)


def check_output(path: Path, identity: Mapping[str, JsonValue]) -> None:
    """Refuse an output directory that cannot be written or is not of this configuration.

    Raises:
        ConfigError: it says which setting differs.
    """
    check_writable(path)
    if not path.exists() or not any(_is_foreign(entry) for entry in path.iterdir()):
        return
    run_file = path / RUN_FILE
    if not run_file.is_file():
        raise ConfigError(
            f"expected {path} to be absent, empty or a run directory, found other files; "
            "give --output another directory"
        )
    found = (_parse(run_file.read_bytes() + b"\n") or {}).get("identity")
    found = found if isinstance(found, dict) else {}
    expected: dict[str, JsonValue] = json.loads(json.dumps(dict(identity)))
    differing = [name for name in expected if not _goes_on(name, found.get(name), expected[name])]
    if differing:
        name = differing[0]
        raise ConfigError(
            f"{path} belongs to a run of another configuration: its {name} is "
            f"{json.dumps(found.get(name))}, this one's is {json.dumps(expected[name])}; "
            "give --output another directory"
        )


def _goes_on(name: str, found: JsonValue, expected: JsonValue) -> bool:
    """Whether a run can go on with this value; further repeats only add to what is there."""
    if name == "repeats" and isinstance(found, int) and isinstance(expected, int):
        return found <= expected
    return found == expected


def check_writable(path: Path) -> None:
    """Refuse a folder that is none, or that cannot be made or written; nothing is made.

    Raises:
        ConfigError: what stands in the way.
    """
    nearest = next(place for place in (path, *path.absolute().parents) if os.path.lexists(place))
    if not nearest.is_dir():
        raise _unwritable(path, f"{nearest} is no folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise _unwritable(path, f"{nearest} cannot be written")


def _unwritable(path: Path, found: str) -> ConfigError:
    return ConfigError(
        f"expected {path} to be a folder that can be made and written, found: {found}; give "
        "another folder"
    )


def _is_foreign(entry: Path) -> bool:
    """Whether a file was left neither by the lock nor by a run that ended while it started."""
    return entry.name != LOCK_FILE and not entry.name.startswith(f".{RUN_FILE}-")


def _open_log(path: Path) -> IO[bytes]:
    path.touch()
    return path.open("r+b")


def _parse(line: bytes) -> dict[str, JsonValue] | None:
    """Read a whole line that holds a JSON object; None for anything else."""
    try:
        value = cast("JsonValue", json.loads(line)) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _key_of(line: bytes) -> StepKey | None:
    fields = _parse(line) or {}
    problem_id, step_id = fields.get("problem_id"), fields.get("step_id")
    repeat = fields.get("repeat")
    if isinstance(problem_id, str) and isinstance(step_id, str) and isinstance(repeat, int):
        return StepKey(problem_id, repeat, step_id)
    return None


def _key_fields(key: StepKey) -> dict[str, JsonValue]:
    return {"problem_id": key.problem_id, "repeat": key.repeat, "step_id": key.step_id}


def _order(key: StepKey) -> tuple[object, ...]:
    return (natural_key(key.problem_id), key.repeat, natural_key(key.step_id))
