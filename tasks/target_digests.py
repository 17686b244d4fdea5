"""Digests of targets, computed once for each file of targets.

A verdict is kept under the digest of its sub-step's targets, not of the whole file, so that a
changed target costs only its own step. Hashing 1 GB takes seconds, so the digests are kept too, in
a file named for the content that they were computed from.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from tasks.durable_files import keep, read_kept
from tasks.strict_json import mapping, text
from tasks.targets import TargetFile

DIGEST_VERSION = 1
"""Raised when `tasks.target_hashing` names the same content differently."""


def target_digests(
    path: Path, file_sha256: str, step_ids: Collection[str], folder: Path
) -> Mapping[str, str]:
    """Return the digests of sub-steps' targets; only those that are not known yet are computed.

    Args:
        path: the file of targets.
        file_sha256: of its content.
        step_ids: sub-steps that have targets.
        folder: where digests are kept. Two runs that add to it at once may lose each other's new
            ones, which are then computed again.

    Raises:
        TargetError: the file cannot be read, or has no targets for a sub-step.
        ConfigError: the folder cannot be written.
    """
    memo = folder / f"{file_sha256}.json"
    known = read_kept(memo, lambda content: _read_memo(content, file_sha256)) or {}
    missing = [step_id for step_id in step_ids if step_id not in known]
    if missing:
        with TargetFile(path) as file:
            known |= {step_id: file.digest(step_id) for step_id in missing}
        content = {"digest_version": DIGEST_VERSION, "file_sha256": file_sha256, "steps": known}
        keep(memo, json.dumps(content, indent=2) + "\n", "digests of targets")
    return {step_id: known[step_id] for step_id in step_ids}


def _read_memo(content: str, file_sha256: str) -> dict[str, str]:
    memo = mapping(json.loads(content))
    if memo["digest_version"] != DIGEST_VERSION or memo["file_sha256"] != file_sha256:
        raise ValueError("the digests are of another file or version")
    return {step_id: _digest(value) for step_id, value in mapping(memo["steps"]).items()}


def _digest(value: object) -> str:
    digest = text(value)
    if len(bytes.fromhex(digest)) != 32:
        raise ValueError("expected a sha256 in hex")
    return digest
