"""checkpoint -> prompt: the content of weights as their identity, read once and not every night.

Files that have the names, sizes and times that they had are the files that were read.
"""

import re
from pathlib import Path

from tasks.checkpoint_files import identify_checkpoint
from tasks.core.checkpoint_series import checkpoint_key
from tasks.durable_files import keep, read_kept

_IDENTITY = re.compile(r"files:[0-9a-f]{64}")


def identify_content(path: Path, folder: Path) -> str:
    """Name a checkpoint by the content of all its files.

    Args:
        path: the folder or file that is served.
        folder: keeps what was read.

    Raises:
        ConfigError: the checkpoint cannot be identified, or the folder not be written.
    """
    seen = identify_checkpoint(path, hash_weights=False)
    file = folder / checkpoint_key(seen)
    known = read_kept(file, _identity)
    if known is None:
        known = identify_checkpoint(path, hash_weights=True)
        keep(file, known, "the identity of a checkpoint")
    return known


def _identity(content: str) -> str:
    if not _IDENTITY.fullmatch(content):
        raise ValueError("expected an identity")
    return content
