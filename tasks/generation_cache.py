"""generation: keeps every answer on disk, so that no generation is paid for twice.

One JSON file an entry, readable by a person, written so that a reader, another writer or a power
cut never sees half of it. An entry that cannot be read is a miss: it costs one more request, never
a wrong answer.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tasks.core.caching import CACHE_VERSION, set_settings
from tasks.core.model_settings import ModelSettings
from tasks.core.records import FinishReason, Generation, StepKey, Usage
from tasks.durable_files import keep, read_kept
from tasks.strict_json import count, duration_s, mapping, text

_SUM = "entry_sha256"


@dataclass(frozen=True, slots=True)
class GenerationCache:
    """Generations below one folder, found by the digest of `tasks.core.caching`."""

    root: Path

    def get(self, digest: str) -> Generation | None:
        """Return the generation kept under a digest; None if there is none that can be read."""
        return read_kept(
            self._path(digest), lambda content: read_entry(mapping(json.loads(content)), digest)
        )

    def put(
        self, digest: str, key: StepKey, settings: ModelSettings, generation: Generation
    ) -> None:
        """Keep a generation; it is on the disk when this returns.

        Raises:
            ConfigError: the folder cannot be written.
        """
        entry = {
            "cache_version": CACHE_VERSION,
            "digest": digest,
            "key": asdict(key),
            "settings": set_settings(settings),
            "generation": asdict(generation),
        }
        content = json.dumps({**entry, _SUM: _entry_sha256(entry)}, indent=2) + "\n"
        keep(self._path(digest), content, "a generation")

    def _path(self, digest: str) -> Path:
        return self.root / digest[:2] / f"{digest}.json"


def read_entry(entry: Mapping[str, object], digest: str) -> Generation:
    """Read an entry strictly.

    Raises:
        ValueError, TypeError, KeyError: it is not exactly what we write.
    """
    if entry["cache_version"] != CACHE_VERSION or entry["digest"] != digest:
        raise ValueError("the entry belongs to another key or version")
    # A changed letter of an answer is as good JSON as before. Older entries have no sum.
    if _SUM in entry and entry[_SUM] != _entry_sha256(entry):
        raise ValueError("the entry is not what was written")
    fields = mapping(entry["generation"])
    usage = mapping(fields["usage"])
    reasoning = fields["reasoning"]
    return Generation(
        text=text(fields["text"]),
        finish_reason=FinishReason(text(fields["finish_reason"])),
        usage=Usage(count(usage["input_tokens"]), count(usage["output_tokens"])),
        latency_s=duration_s(fields["latency_s"]),
        reasoning=None if reasoning is None else text(reasoning),
        # Entries from before it was kept have none.
        shortened_to=None if (limit := fields.get("shortened_to")) is None else count(limit),
    )


def _entry_sha256(entry: Mapping[str, object]) -> str:
    """Hash everything in an entry but the sum itself, however it is laid out."""
    summed = {name: value for name, value in entry.items() if name != _SUM}
    canonical = json.dumps(summed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
