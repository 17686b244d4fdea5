"""What is known of every checkpoint of a series, in files that several processes share.

One file a checkpoint, replaced as a whole, and beside it one whose lock (flock) says that an
evaluation is going on: the kernel frees it however the holder ends, so nothing has to be cleaned up
after a `kill -9`. Between machines this holds where the file system passes locks on (NFSv4, CephFS,
Lustre with `flock`), and not where it keeps them local (NFS with `nolock` or `local_lock`, sshfs).
"""

import fcntl
import json
import os
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import cast

from tasks.core.checkpoint_series import Checkpoint, Entry, Failure, checkpoint_key
from tasks.core.errors import ConfigError
from tasks.core.json_value import JsonValue
from tasks.durable_files import read_kept, replacing
from tasks.metrics_file import parse_score
from tasks.strict_json import duration_s, mapping, text

FOLDER = "ledger"
_SERIES = "series.json"
_MODE = 0o644
_OPENING = os.O_RDWR | os.O_CREAT
# Whoever only looks whether a checkpoint is claimed holds its lock for a moment.
_CLAIM_S = 0.5
_SERIES_S = 60.0
_POLL_S = 0.02


class Ledger:
    """The ledger in a root folder of runs; every method raises ConfigError where it cannot work."""

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER

    def open(self, series: Mapping[str, JsonValue]) -> None:
        """Make the ledger, or take one up that was made with these settings.

        Raises:
            ConfigError: it belongs to a series of other settings; it says which differs.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._lock(_SERIES, _SERIES_S) as is_mine:
                if not is_mine:
                    raise TimeoutError(f"locked for {_SERIES_S:g} s by another night")
                self._check(series)
        except OSError as error:
            raise self._trouble(error) from error

    def entries(self) -> dict[str, Entry]:
        """Return every entry, by identity; one that cannot be read is passed over."""
        files = sorted(self._folder.glob("*.json"))
        read = [read_kept(file, _entry) for file in files if file.name != _SERIES]
        return {entry.checkpoint.identity: entry for entry in read if entry is not None}

    def entry(self, identity: str) -> Entry | None:
        """Return what is known of a checkpoint."""
        return read_kept(self._file(identity), _entry)

    def write(self, entry: Entry) -> None:
        """Replace what is known of a checkpoint."""
        try:
            _write(self._file(entry.checkpoint.identity), asdict(entry))
        except OSError as error:
            raise self._trouble(error) from error

    @contextmanager
    def claim(self, identity: str) -> Generator[bool]:
        """Hold a checkpoint for as long as it is evaluated; False where somebody else does."""
        with self._lock(identity, _CLAIM_S) as is_mine:
            yield is_mine

    def is_claimed(self, identity: str) -> bool:
        """Whether somebody evaluates a checkpoint now."""
        if not self._file(identity).with_suffix(".lock").exists():
            return False
        with self._lock(identity, wait_s=0) as is_mine:
            return not is_mine

    @contextmanager
    def _lock(self, identity: str, wait_s: float) -> Generator[bool]:
        try:
            descriptor = os.open(self._file(identity).with_suffix(".lock"), _OPENING, _MODE)
        except OSError as error:
            raise self._trouble(error) from error
        try:
            yield _hold(descriptor, wait_s)
        finally:
            # The file stays: without it, one that has it open and one that makes it anew would
            # each hold a lock of their own.
            os.close(descriptor)

    def _file(self, identity: str) -> Path:
        return self._folder / f"{checkpoint_key(identity)}.json"

    def _check(self, series: Mapping[str, JsonValue]) -> None:
        expected = mapping(json.loads(json.dumps(dict(series))))
        file = self._folder / _SERIES
        found = read_kept(file, lambda content: mapping(json.loads(content)))
        if found is None:
            _write(file, expected)
            return
        differing = sorted(k for k in {*found, *expected} if found.get(k) != expected.get(k))
        if differing:
            name = differing[0]
            raise ConfigError(
                f"{self._folder.parent} holds a series of other settings, whose scores cannot be "
                f"compared with these: its {name} is {json.dumps(found.get(name))}, this one's is "
                f"{json.dumps(expected.get(name))}; give --runs-root another folder"
            )

    def _trouble(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"cannot use the ledger in {self._folder}: {error}; give --runs-root a folder that can "
            "be written"
        )


def _hold(descriptor: int, wait_s: float) -> bool:
    """Take a lock that is free, or becomes free in time."""
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_S)
        else:
            return True


def _write(file: Path, content: Mapping[str, object]) -> None:
    with replacing(file, mode=_MODE) as opened:
        opened.write((json.dumps(content, indent=2) + "\n").encode())


def _entry(content: str) -> Entry:
    """Read an entry strictly."""
    fields = mapping(json.loads(content))
    failures = fields["failures"]
    if not isinstance(failures, list):
        raise TypeError("expected an array")
    score = fields["score"]
    return Entry(
        checkpoint=_checkpoint(mapping(fields["checkpoint"])),
        run=text(fields["run"]),
        failures=tuple(_failure(mapping(item)) for item in cast("list[object]", failures)),
        score=None if score is None else parse_score(mapping(score)),
        flow_run_id=_text_or_none(fields["flow_run_id"]),
        evaluated_at=_text_or_none(fields["evaluated_at"]),
    )


def _checkpoint(fields: Mapping[str, object]) -> Checkpoint:
    name, identity, place = (text(fields[key]) for key in ("name", "identity", "place"))
    return Checkpoint(name, identity, place, duration_s(fields["changed_s"]))


def _failure(fields: Mapping[str, object]) -> Failure:
    return Failure(text(fields["at"]), text(fields["error"]))


def _text_or_none(value: object) -> str | None:
    return None if value is None else text(value)
