"""verdict -> report: the files of one run on disk, safe against interruption.

Lines are appended as they come, so that nothing is lost; at the end each file is put in order,
with the newest line of every (problem_id, repeat, step_id). A run directory belongs to one
configuration: its identity stands in run.json.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from tasks.core.errors import ConfigError
from tasks.core.json_value import JsonValue
from tasks.core.ordering import natural_key
from tasks.core.records import StepKey

RUN_FILE = "run.json"


class LineLog:
    """A JSON-lines file of one line per (problem_id, repeat, step_id)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _open_log(path)
        self._places: dict[StepKey, tuple[int, int]] = {}
        self._index()

    def append(self, key: StepKey, fields: Mapping[str, JsonValue]) -> None:
        """Write a line at once; it takes the place of an earlier one of the same key."""
        line = json.dumps({**_key_fields(key), **fields}) + "\n"
        start = self._file.seek(0, os.SEEK_END)
        self._file.write(line.encode())
        self._file.flush()
        self._places[key] = (start, len(line.encode()))

    def finish(self) -> None:
        """Put the lines in order, the newest of each key, and close the file."""
        with _replacing(self._path) as sorted_file:
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
            fields = _parse(line)
            if fields is None:
                break
            key = StepKey(
                str(fields["problem_id"]), int(str(fields["repeat"])), str(fields["step_id"])
            )
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
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise ConfigError(
                f"another process is writing to {self.path}; wait for it, or give --output another "
                "directory"
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the directory."""
        if self._lock is not None:
            os.close(self._lock)
            (self.path / ".lock").unlink(missing_ok=True)

    def log(self, name: str) -> LineLog:
        """Open a JSON-lines file of the run."""
        return LineLog(self.path / name)

    def write_run(self, fields: Mapping[str, JsonValue]) -> None:
        """Write run.json."""
        self.write_json(RUN_FILE, {"identity": self._identity, **fields})

    def write_json(self, name: str, content: Mapping[str, JsonValue]) -> None:
        """Write a JSON file of the run, whole or not at all."""
        with _replacing(self.path / name) as file:
            file.write((json.dumps(content, indent=2) + "\n").encode())

    def write_lines(self, name: str, lines: list[dict[str, JsonValue]]) -> None:
        """Write a JSON-lines file of the run, whole or not at all."""
        with _replacing(self.path / name) as file:
            file.writelines((json.dumps(line) + "\n").encode() for line in lines)


def check_output(path: Path, identity: Mapping[str, JsonValue]) -> None:
    """Refuse an output directory that does not belong to this configuration.

    Raises:
        ConfigError: it says which setting differs.
    """
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    run_file = path / RUN_FILE
    if not run_file.is_file():
        raise ConfigError(
            f"expected {path} to be absent, empty or a run directory, found other files; "
            "give --output another directory"
        )
    fields = _parse(run_file.read_bytes() + b"\n")
    found = {} if fields is None else cast("dict[str, JsonValue]", fields.get("identity") or {})
    expected: dict[str, JsonValue] = json.loads(json.dumps(dict(identity)))
    differing = [name for name in expected if found.get(name) != expected[name]]
    if differing:
        name = differing[0]
        raise ConfigError(
            f"{path} belongs to a run of another configuration: its {name} is "
            f"{json.dumps(found.get(name))}, this one's is {json.dumps(expected[name])}; "
            "give --output another directory"
        )


def _open_log(path: Path) -> IO[bytes]:
    path.touch()
    return path.open("r+b")


def _parse(line: bytes) -> dict[str, JsonValue] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        return cast("dict[str, JsonValue]", json.loads(line))
    except ValueError:
        return None


def _key_fields(key: StepKey) -> dict[str, JsonValue]:
    return {"problem_id": key.problem_id, "repeat": key.repeat, "step_id": key.step_id}


def _order(key: StepKey) -> tuple[object, ...]:
    return (natural_key(key.problem_id), key.repeat, natural_key(key.step_id))


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """Write a file that takes the place of another once it is whole and on disk."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
