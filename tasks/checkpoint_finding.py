"""checkpoint -> prompt: which checkpoints there are, on disk or at an endpoint.

What is found and may not be evaluated is named with its reason. At an endpoint a name alone is no
identity: the weights behind `latest` are others tomorrow, and their scores would go under one name.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tasks.checkpoint_completeness import changed_at, is_later_shard, why_incomplete
from tasks.core.checkpoint_series import Checkpoint
from tasks.core.errors import ConfigError, ProviderError
from tasks.model_list import Answered, ModelList

REVISION = "{revision}"
_OPEN = re.compile(r"[*?\[]")
_UNUSABLE = (Answered.NOT_AT_ALL, Answered.BUSY, Answered.REFUSAL)


@dataclass(frozen=True, slots=True)
class Found:
    """Checkpoints that can be evaluated, and why others cannot, by name."""

    checkpoints: tuple[Checkpoint, ...]
    passed_over: dict[str, str] = field(default_factory=dict[str, str])


def matching_paths(pattern: str) -> dict[str, Path]:
    """Return the folders and `.gguf` files that match a glob, by name; hidden ones are left out.

    The name is the part of the path that the pattern leaves open, with what follows. A split file
    is named for its first part, and a link such as `latest` by what it leads to, if that matches.
    """
    whole = Path(pattern).expanduser().absolute()
    if not whole.name:
        return {}
    fixed = next((n for n, part in enumerate(whole.parts) if _OPEN.search(part)), -1)
    base, rest = Path(*whole.parts[:fixed]), Path(*whole.parts[fixed:])
    paths = [path for path in sorted(base.glob(str(rest))) if _may_be_checkpoint(path)]
    real = {path for path in paths if not path.is_symlink()}
    return {
        str(path.relative_to(base)): path
        for path in paths
        if path in real or path.resolve() not in {other.resolve() for other in real}
    }


def find_on_disk(
    paths: Mapping[str, Path], *, settle_s: float, now_s: float, identify: Callable[[Path], str]
) -> Found:
    """Look at checkpoints on disk and identify those that are whole by their files.

    Args:
        paths: folders and files, by the names of the checkpoints.
        settle_s: seconds for which no file of a checkpoint may have changed.
        now_s: the time now, in seconds since the epoch.
        identify: names the weights of a checkpoint, or raises ConfigError.
    """
    found: list[Checkpoint] = []
    passed_over: dict[str, str] = {}
    for name, path in paths.items():
        reason = why_incomplete(path, settle_s, now_s)
        if reason is not None:
            passed_over[name] = reason
            continue
        try:
            found.append(Checkpoint(name, identify(path), str(path), changed_at(path)))
        except (ConfigError, OSError) as error:
            passed_over[name] = str(error)
    return Found(tuple(found), passed_over)


def find_listed(listed: Iterable[str], answer: ModelList, base_url: str) -> Found:
    """Take `NAME=IDENTITY` entries; one that the endpoint does not serve now is passed over.

    Raises:
        ConfigError: an entry has no identity.
        ProviderError: the endpoint does not answer, or refuses the key.
    """
    check_answer(answer, base_url, must_list=False)
    found: list[Checkpoint] = []
    passed_over: dict[str, str] = {}
    for entry in listed:
        name, identity = split_entry(entry)
        if answer.models and name not in answer.models:
            passed_over[name] = f"{base_url} does not serve it now"
        else:
            found.append(Checkpoint(name, f"{name}={identity}", identity))
    return Found(tuple(found), passed_over)


def find_served(template: str, answer: ModelList, base_url: str) -> Found:
    """Take the models of an endpoint whose names follow the template; others are no checkpoints.

    Raises:
        ProviderError: the endpoint gives no list of models.
    """
    check_answer(answer, base_url, must_list=True)
    before, after = (re.escape(part) for part in template.split(REVISION))
    pattern = re.compile(f"{before}(?P<revision>.+){after}")
    matches = ((name, pattern.fullmatch(name)) for name in answer.models)
    revisions = {name: match["revision"] for name, match in matches if match is not None}
    return Found(
        tuple(
            Checkpoint(name, f"{name}={revision}", revision)
            for name, revision in revisions.items()
            if _tells_weights(revision)
        ),
        {
            name: f"its revision {revision!r} has no digit: an alias, which may be other weights "
            f"tomorrow; list it as NAME=IDENTITY"
            for name, revision in revisions.items()
            if not _tells_weights(revision)
        },
    )


def split_entry(entry: str) -> tuple[str, str]:
    """Return name and identity of a listed checkpoint.

    Raises:
        ConfigError: it has none.
    """
    name, _, identity = (part.strip() for part in entry.partition("="))
    if not name or not identity:
        raise ConfigError(
            f"checkpoint_list: expected NAME=IDENTITY, found {entry!r}; the name alone does not "
            "say which weights an endpoint serves: add what does, as in my-model=step-1000"
        )
    return name, identity


def check_answer(answer: ModelList, base_url: str, *, must_list: bool) -> None:
    """Refuse an endpoint that cannot be asked now; no checkpoint is at fault for that.

    Raises:
        ProviderError: the endpoint does not answer, refuses the key, or gives no list.
    """
    if answer.answered in _UNUSABLE or (must_list and answer.answered is not Answered.LIST):
        raise ProviderError(
            f"expected the list of models of {base_url}, found {answer.answered}"
            f"{f' ({answer.said})' if answer.said else ''}; check the address and the key"
        )


def _may_be_checkpoint(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    return path.is_dir() or (path.suffix == ".gguf" and not is_later_shard(path))


def _tells_weights(revision: str) -> bool:
    """Steps, dates and hashes have digits; `latest`, `main` and `best` have none."""
    return any("0" <= character <= "9" for character in revision)
