"""verdict: keeps every verdict on disk, so that no program is run twice under the same conditions.

One JSON file an entry, readable by a person. An entry that cannot be read is a miss: it costs one
more verification, never a wrong verdict. So entries are not flushed to the disk one by one, which
takes 7 ms each where writing takes 0.1: after a power cut the last ones may be empty or absent.

A program that ran without confinement can write whatever its user can, this folder included: give
level `none` a folder of its own.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from tasks.core.records import Reason, Verdict
from tasks.core.verdict_keys import is_lasting
from tasks.durable_files import keep, read_kept
from tasks.sandbox.layers import Level, grade, reaches
from tasks.strict_json import duration_s, mapping, text, texts

ENTRY_VERSION = 1
"""Raised when entries are written in another form."""


@dataclass(frozen=True, slots=True)
class VerdictCache:
    """Verdicts below one folder, found by the digest of `tasks.core.verdict_keys`."""

    root: Path

    def get(self, digest: str, required: Level) -> Verdict | None:
        """Return the verdict kept under a digest, marked as cached.

        Args:
            digest: the verdict's key.
            required: the least confinement that the program must have had; a verdict got with
                less may be a cheat's and is passed over.
        """
        verdict = read_kept(self._path(digest), lambda content: read_entry(content, digest))
        if verdict is None or not reaches(grade(verdict.layers), required):
            return None
        return verdict

    def put(self, digest: str, step_id: str, verdict: Verdict) -> None:
        """Keep a verdict, if it is one that lasts (`tasks.core.verdict_keys.is_lasting`).

        Whose failure it was is not kept: that depends on the chain, and is decided anew.

        Raises:
            ConfigError: the folder cannot be written.
        """
        if not is_lasting(verdict):
            return
        entry = {
            "entry_version": ENTRY_VERSION,
            "digest": digest,
            "step_id": step_id,
            "reason": verdict.reason,
            "detail": verdict.detail,
            "duration_s": verdict.duration_s,
            "layers": verdict.layers,
        }
        content = json.dumps(entry, indent=2) + "\n"
        keep(self._path(digest), content, "a verdict", durable=False)

    def _path(self, digest: str) -> Path:
        return self.root / digest[:2] / f"{digest}.json"


def read_entry(content: str, digest: str) -> Verdict:
    """Parse an entry strictly.

    Raises:
        ValueError, TypeError, KeyError, RecursionError: it is not exactly what we write.
    """
    entry = mapping(json.loads(content))
    if entry["entry_version"] != ENTRY_VERSION or entry["digest"] != digest:
        raise ValueError("the entry belongs to another key or version")
    verdict = Verdict(
        reason=Reason(text(entry["reason"])),
        detail=text(entry["detail"]),
        duration_s=duration_s(entry["duration_s"]),
        layers=texts(entry["layers"]),
    )
    if not is_lasting(verdict):
        raise ValueError(f"a verdict of {verdict.reason} is never kept")
    return replace(verdict, cached=True)
